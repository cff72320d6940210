// What JupyterLab and Notebook 7 load once a page: the theme, and for every Plotly figure of ours a text alternative and
// a height of its own, for Plotly fits a figure to its place as soon as the page changes.
// It is written by hand, in the form that a build would give: a container of JupyterLab's module federation.
(() => {
  const own = document.currentScript.src;

  const describe = () =>
    document.querySelectorAll(".js-plotly-plot:not([aria-label])").forEach((figure) => {
      const said = figure.layout?.meta?.description;
      if (!said) return;
      figure.setAttribute("role", "figure");
      figure.setAttribute("aria-label", said);
      figure.style.height = `${figure.layout.meta.height}px`;
    });

  const activate = () => {
    const theme = document.createElement("link");
    Object.assign(theme, { rel: "stylesheet", href: new URL("theme.css", own).href });
    document.head.append(theme);
    let due = 0;
    const soon = () => (due ||= setTimeout(() => ((due = 0), describe()), 300));
    new MutationObserver(soon).observe(document.body, { childList: true, subtree: true });
  };

  const plugin = { id: "mi-tutor:theme", description: "Reads in the dark, and is read aloud.", autoStart: true, activate };
  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB["mi-tutor"] = { init: () => undefined, get: async () => () => ({ __esModule: true, default: plugin }) };
})();
