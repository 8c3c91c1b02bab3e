// Small pictures: decoded when they come into sight, a few at a time, and kept at the size they are shown at.

/** Sharp in the gallery on a fine screen, and 170 kB each. */
const WIDTH = 240;
const HEIGHT = 180;
/** A photograph of twelve megapixels takes 48 MB for the moment of its decoding. */
const AT_ONCE = 3;

export class Thumbs {
  #collection;
  #wanted = [];
  #running = 0;
  #observer;

  constructor(collection) {
    this.#collection = collection;
    this.#observer = new IntersectionObserver((entries) => this.#seen(entries), { rootMargin: "200px" });
  }

  /** A canvas that will show picture `id`; its name for screen readers is `name`, none where the text beside it says it. */
  canvas(id, name = "") {
    const canvas = Object.assign(document.createElement("canvas"), { width: WIDTH, height: HEIGHT, className: "thumb" });
    canvas.dataset.picture = id;
    if (name) {
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", name);
    } else canvas.setAttribute("aria-hidden", "true");
    this.#observer.observe(canvas);
    return canvas;
  }

  #seen(entries) {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      this.#observer.unobserve(target);
      this.#wanted.push(target);
    }
    while (this.#running < AT_ONCE && this.#wanted.length > 0) this.#work();
  }

  async #work() {
    this.#running++;
    for (let canvas; (canvas = this.#wanted.pop()); ) {
      // Scrolled past and gone again meanwhile.
      if (canvas.isConnected) await this.#draw(canvas);
    }
    this.#running--;
  }

  async #draw(canvas) {
    try {
      const blob = await this.#collection.trainer.picture(Number(canvas.dataset.picture));
      const bitmap = await createImageBitmap(blob);
      const scale = Math.max(WIDTH / bitmap.width, HEIGHT / bitmap.height);
      const [width, height] = [bitmap.width * scale, bitmap.height * scale];
      const context = canvas.getContext("2d");
      context.imageSmoothingQuality = "high";
      context.drawImage(bitmap, (WIDTH - width) / 2, (HEIGHT - height) / 2, width, height);
      bitmap.close();
      canvas.dataset.state = "drawn";
    } catch {
      // Deleted since, or a file that the browser reads no more: an empty tile.
      canvas.dataset.state = "missing";
    }
  }
}
