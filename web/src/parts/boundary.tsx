/** Keeps the rest of the dashboard standing when a page breaks. */
import { Component, type ReactNode } from "react";
import { Notice } from "./controls";

export class Boundary extends Component<{ children: ReactNode }, { problem: Error | null }> {
  override state: { problem: Error | null } = { problem: null };

  static getDerivedStateFromError(problem: Error) {
    return { problem };
  }

  override render() {
    const { problem } = this.state;
    if (!problem) return this.props.children;
    return (
      <div style={{ padding: 24 }}>
        <Notice
          title="This page broke"
          text={`That is our mistake: ${problem.message}`}
          onRetry={() => this.setState({ problem: null })}
        />
      </div>
    );
  }
}
