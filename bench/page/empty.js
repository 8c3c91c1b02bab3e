// In place of Node's own modules, which TensorFlow.js imports and does not use here.

export default {};
