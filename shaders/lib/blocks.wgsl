// The kernels' parameter blocks, word for word those of `kernels/src/params.rs`. A shader gets those that it names.

struct Conv {
    in_height: u32,
    in_width: u32,
    in_channels: u32,
    out_height: u32,
    out_width: u32,
    out_lanes: u32,
    kernel: u32,
    stride: u32,
    pad_top: u32,
    pad_left: u32,
    curve: Curve,
}

struct Depthwise {
    in_height: u32,
    in_width: u32,
    out_height: u32,
    out_width: u32,
    lanes: u32,
    kernel: u32,
    stride: u32,
    dilation: u32,
    pad_top: u32,
    pad_left: u32,
    curve: Curve,
}

struct Pointwise {
    pixels: u32,
    in_channels: u32,
    out_lanes: u32,
    residual: u32,
    curve: Curve,
}

struct Add {
    count: u32,
}

struct GlobalPool {
    in_width: u32,
    height: u32,
    width: u32,
    lanes: u32,
    max: u32,
}

struct Scale {
    pixels: u32,
    lanes: u32,
}

struct Pad {
    in_height: u32,
    in_width: u32,
    out_height: u32,
    out_width: u32,
    lanes: u32,
}

struct Dense {
    in_channels: u32,
    out_lanes: u32,
    curve: Curve,
}

struct Sigmoid {
    classes: u32,
}

struct Softmax {
    classes: u32,
}
