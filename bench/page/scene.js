// The frame of the measurement end to end: a canvas of a camera's size.

const WIDTH = 640;
const HEIGHT = 480;
/** However a runtime crops and scales a frame of one colour, every pixel of the network's input has it. */
const PLAIN = "rgb(190, 120, 60)";
const PATCHES = 4;

/** @returns {{ element: HTMLCanvasElement, plain: () => HTMLCanvasElement, change: () => void }} */
export function scene() {
  const element = Object.assign(document.createElement("canvas"), { width: WIDTH, height: HEIGHT });
  const context = element.getContext("2d");
  const patches = Array.from({ length: PATCHES }, (_, seed) => noise(seed + 1));
  let next = 0;
  return {
    element,
    plain() {
      context.fillStyle = PLAIN;
      context.fillRect(0, 0, WIDTH, HEIGHT);
      return element;
    },
    /** Another picture, so that nothing of the last one can be kept. */
    change() {
      context.putImageData(patches[next % PATCHES], 0, 0);
      next += 1;
    },
  };
}

/** Blotches of 8 pixels' side: pictures are neither one colour nor white noise. */
function noise(seed) {
  const data = new Uint8ClampedArray(WIDTH * HEIGHT * 4).fill(255);
  const colour = (column, row, channel) => (Math.imul(column * 73 + row * 9176 + channel * 313 + seed, 0x9e3779b1) >>> 13) & 255;
  for (let y = 0; y < HEIGHT; y += 1) {
    for (let x = 0; x < WIDTH; x += 1) {
      for (let channel = 0; channel < 3; channel += 1) {
        data[4 * (y * WIDTH + x) + channel] = colour(x >> 3, y >> 3, channel);
      }
    }
  }
  return new ImageData(data, WIDTH, HEIGHT);
}
