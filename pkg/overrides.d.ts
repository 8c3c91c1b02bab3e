export type Version = "v1" | "v2" | "v3-large" | "v3-small" | "v3-large-minimalistic" | "v3-small-minimalistic" | "custom";

/** A row of a table of one's own, as the weights' metadata has it. */
export type Row =
  | "pool"
  | { conv: { kernel?: number; stride?: number; channels: number; activation?: Activation } }
  | { separable: { stride?: number; channels: number } }
  | {
      inverted_residual: {
        kernel?: number;
        stride?: number;
        channels: number;
        /** A factor, or expanded channels for each so many input channels. */
        expansion: number | readonly [number, number];
        squeeze_excite?: boolean;
        activation?: Activation;
      };
    }
  | { head: { channels: number; activation?: Activation } };

export type Activation = "linear" | "relu" | "relu6" | "hard-swish" | "hard-sigmoid";

/** One network of the family. */
export interface Network {
  version?: Version;
  /** Depth multiplier: factor on every layer's channels, above 0. */
  multiplier?: number;
  /** How channels follow from the multiplier: frameworks differ. */
  widths?: "v1-slim" | "v1-keras" | "v2" | "v2-slim-coarse" | "v3-slim" | "v3-keras" | "v3-timm" | "v3-torchvision";
  /** No layer has fewer channels. Needs `widths`. */
  minDepth?: number;
  /** Channels are a multiple of this. Needs `widths`. */
  divisibleBy?: number;
  /** Input rows, 32 or more; the width stands for it where only that is given. */
  inputHeight?: number;
  /** Input columns, 32 or more; the height stands for it where only that is given. */
  inputWidth?: number;
  /** Zeros are added below and to the right until both sides are multiples of 32. */
  padTo32?: boolean;
  /** Maps are never smaller than the input divided by this: further strides turn into dilation. */
  outputStride?: 8 | 16 | 32;
  /** What ends a squeeze-excite gate: `relu6(x + 3)` over 6, or times 0.16667 as in TF-slim. */
  gate?: "hard-sigmoid" | "slim-sigmoid";
  /** Outputs of the classifier, background included. */
  classes?: number;
  /** False leaves the classifier out (and V3's head with it): endpoints end with `global_pool`. */
  includeTop?: boolean;
  /** From the last map to a vector; `"none"` only without top, `"slim7"` as TF-slim's V1 does. */
  pooling?: "avg" | "max" | "none" | "slim7";
  /** From logits to predictions. */
  classifier?: "softmax" | "sigmoid" | "linear";
  /** Where convolutions of stride 2 start: TensorFlow's, PyTorch's or Keras's V1 rule. */
  padding?: "same" | "symmetric" | "after";
  batchNormEpsilon?: number;
  /**
   * Crop, resize and normalisation of a framework. timm's networks are taken for `"torchvision"`; those whose config has
   * mean and std 0.5 (`tf_…`, `…ra4_e3600…`) need `"timm-inception"`, which nothing in their tensors tells.
   */
  preprocessing?: "torchvision" | "keras" | "keras-unit" | "tf-slim" | "tfjs" | "teachable-machine" | "timm-inception";
  /** What `info.labelSet` shows. Where it is neither `"imagenet-1000"` nor `"imagenet-1001"`, no names are fetched. */
  labelSet?: string;
  /** Class names by index, or the text of a labels.txt: one a line, numbered or not. */
  labels?: readonly string[] | string;
  /** WordNet ids by index, as an array or one a line. */
  wnids?: readonly string[] | string;
  /** Rows of a network of one's own. */
  table?: readonly Row[] | string;
}
