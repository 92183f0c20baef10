// A browser starts no worker from a file on the disk. There the search's worker runs in a hidden frame instead, so
// that the site can be searched without a server. The theme would load such a script from another host.
if (location.protocol === "file:") {
  window.IFrameWorker = class extends EventTarget {
    constructor(script) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      frame.srcdoc = `<body><script src="${new URL(script, location.href)}"></script>`;
      this.ready = new Promise(resolve => {
        frame.addEventListener("load", () => {
          frame.contentWindow.postMessage = data => this.dispatchEvent(new MessageEvent("message", { data }));
          resolve(frame.contentWindow);
        });
      });
      document.body.append(frame);
    }

    postMessage(data) {
      this.ready.then(inside => inside.dispatchEvent(new MessageEvent("message", { data })));
    }
  };
  window.Worker = window.IFrameWorker;
}
