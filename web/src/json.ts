/** JSON as it is typed. */

/** The JSON object of a text; null for an empty one, and the reason where it is none. */
export function object(text: string): { value: unknown; problem: string | null } {
  if (!text.trim()) return { value: null, problem: null };
  try {
    const value: unknown = JSON.parse(text);
    const fits = typeof value === "object" && value !== null && !Array.isArray(value);
    return fits ? { value, problem: null } : { value: null, problem: "This must be a JSON object." };
  } catch (error) {
    return { value: null, problem: `This is not JSON: ${(error as Error).message}` };
  }
}
