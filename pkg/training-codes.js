/** What training adds to `CODES` of errors.js: nobody else downloads them. */
export const TRAINING_CODES = Object.freeze({
  store_full: "The browser gives this site no more room for pictures.",
  store_unavailable: "Pictures cannot be kept in this browser.",
  busy: "Another fit() of this trainer is under way.",
  weights_unavailable: "Fine-tuning reads the network's file again, and it is not there any more.",
});
