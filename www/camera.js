// The webcam: asked for only after a click, explained when it fails, and let go of whenever it is not looked at.

const REASONS = {
  NotAllowedError:
    "The camera was not allowed. Allow it for this site in the browser's address bar or settings, then try again.",
  NotFoundError: "No camera was found. Connect one and try again, or choose a picture instead.",
  OverconstrainedError: "No camera on this device can give the picture size asked for.",
  NotReadableError: "The camera is busy or blocked: another program may be using it. Close that program and try again.",
  AbortError: "The camera stopped while it was starting. Try again.",
  SecurityError: "The browser's or the organisation's settings switch the camera off for this page.",
  InsecureContextError: "Browsers allow the camera only on https:// pages and on localhost. Open this page over https.",
  UnsupportedError: "This browser offers no camera to pages. Choose a picture instead.",
  UnpluggedError: "The camera was disconnected. Connect it and try again.",
};

/** What went wrong with the camera, in plain words. */
export function explainCamera(error) {
  return REASONS[error.name] ?? `The camera could not be started (${error.name}: ${error.message}).`;
}

/** Thrown by `open` when `close` was called while the person was still being asked. */
export class CameraClosed extends Error {}

export class Camera {
  #video;
  #stream = null;
  #opening = 0;

  /** `onLost(error)` is called when a running camera ends by itself. */
  constructor(video, { onLost }) {
    this.#video = video;
    this.onLost = onLost;
  }

  /** Asks for the camera and resolves once the video is playing. */
  async open() {
    this.close();
    const ticket = ++this.#opening;
    const stream = await ask();
    if (ticket !== this.#opening) {
      release(stream);
      throw new CameraClosed();
    }
    this.#stream = stream;
    const [track] = stream.getVideoTracks();
    track.addEventListener("ended", () => {
      if (this.#stream !== stream) return;
      this.close();
      this.onLost(named("UnpluggedError"));
    });
    this.#video.dataset.mirrored = String(facesThePerson(track));
    this.#video.srcObject = stream;
    try {
      await this.#video.play();
    } catch (error) {
      if (ticket !== this.#opening) throw new CameraClosed();
      this.close();
      throw error;
    }
  }

  /** Stops every track, which also puts the camera's light out. */
  close() {
    this.#opening++;
    if (!this.#stream) return;
    release(this.#stream);
    this.#stream = null;
    this.#video.srcObject = null;
  }
}

async function ask() {
  if (!window.isSecureContext) throw named("InsecureContextError");
  if (!navigator.mediaDevices?.getUserMedia) throw named("UnsupportedError");
  // On a phone the camera at the back is the one that looks at things.
  const video = { facingMode: { ideal: "environment" }, width: { ideal: 640 }, height: { ideal: 480 } };
  return navigator.mediaDevices.getUserMedia({ video, audio: false });
}

function release(stream) {
  for (const track of stream.getTracks()) track.stop();
}

/** A laptop's camera names no direction, and it faces the person: such a preview is mirrored, as a mirror would be. */
function facesThePerson(track) {
  return track.getSettings().facingMode !== "environment";
}

function named(name) {
  return Object.assign(new Error(name), { name });
}
