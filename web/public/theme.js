// Runs before the first paint, so that the chosen theme never flashes.
(function () {
  var theme = null;
  try {
    theme = localStorage.getItem("promptforge.theme");
  } catch {}
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
})();
