// The stage: one picture, or the camera's preview, or neither.

export class Stage {
  #figure;
  #picture;
  #preview;
  #placeholder;
  #caption;
  #objectUrl = null;

  constructor({ figure, picture, preview, placeholder, caption }) {
    this.#figure = figure;
    this.#picture = picture;
    this.#preview = preview;
    this.#placeholder = placeholder;
    this.#caption = caption;
  }

  /** "picture", "preview" or "nothing". */
  get showing() {
    return this.#figure.dataset.showing;
  }

  showPicture(blob, { title, credit }) {
    this.#dropUrl();
    this.#objectUrl = URL.createObjectURL(blob);
    this.#picture.src = this.#objectUrl;
    this.#picture.alt = title;
    this.#caption.textContent = credit ? `${title}. ${credit}` : title;
    this.#turnTo("picture");
  }

  showPreview() {
    this.#caption.textContent = "Camera";
    this.#turnTo("preview");
  }

  showNothing(sentence) {
    this.#placeholder.textContent = sentence;
    this.#caption.textContent = "";
    this.#turnTo("nothing");
  }

  /** On a phone the labels may lie below the screen's end: scrolls the stage to the top, so that both are seen. */
  bringUp(beside) {
    if (beside.getBoundingClientRect().bottom <= innerHeight) return;
    const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
    this.#figure.scrollIntoView({ block: "start", behavior });
  }

  #turnTo(what) {
    this.#figure.dataset.showing = what;
    this.#picture.hidden = what !== "picture";
    this.#preview.hidden = what !== "preview";
    this.#placeholder.hidden = what !== "nothing";
    if (what !== "picture") this.#dropUrl();
  }

  #dropUrl() {
    if (!this.#objectUrl) return;
    URL.revokeObjectURL(this.#objectUrl);
    this.#objectUrl = null;
    this.#picture.removeAttribute("src");
  }
}
