// A question before something is lost.

/** Asks in `dialog`; resolves with whether the answer was yes. `yes` is what its button says. */
export function ask({ dialog, text, yes: button }, { question, yes }) {
  text.textContent = question;
  button.textContent = yes;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
