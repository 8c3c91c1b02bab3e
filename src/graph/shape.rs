//! Shape arithmetic: the only place that knows where a window starts and how many fit.

use crate::model::Padding;

/// A feature map, `[height, width, channels]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Channels, without lane padding.
    pub channels: usize,
}

impl Shape {
    /// How many pixels a channel has.
    #[must_use]
    pub const fn pixels(&self) -> usize {
        self.height * self.width
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}×{}×{}", self.height, self.width, self.channels)
    }
}

/// A square convolution window and where its first position lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Side in pixels.
    pub kernel: usize,
    /// Step in pixels.
    pub stride: usize,
    /// Distance in pixels between neighbours inside the window.
    pub dilation: usize,
    /// Rows of zeros above the map.
    pub pad_top: usize,
    /// Columns of zeros left of the map.
    pub pad_left: usize,
}

/// How a window that spans `kernel` px moves over one axis of `input` px: positions, and zeros before the first pixel.
fn axis(padding: Padding, input: usize, kernel: usize, stride: usize) -> (usize, usize) {
    match padding {
        Padding::After if stride == 2 && kernel > 1 => ((input + 1).saturating_sub(kernel) / 2 + 1, 0),
        Padding::Same | Padding::After => {
            let output = input.div_ceil(stride);
            let total = ((output - 1) * stride + kernel).saturating_sub(input);
            (output, total / 2)
        }
        Padding::Symmetric => {
            let pad = (kernel - 1) / 2;
            ((input + 2 * pad - kernel) / stride + 1, pad)
        }
    }
}

impl Window {
    /// The window over a map of shape `input`, and the height and width of what comes out.
    #[must_use]
    pub fn over(padding: Padding, input: Shape, kernel: usize, stride: usize, dilation: usize) -> (Self, usize, usize) {
        let span = (kernel - 1) * dilation + 1;
        let (height, pad_top) = axis(padding, input.height, span, stride);
        let (width, pad_left) = axis(padding, input.width, span, stride);
        (Self { kernel, stride, dilation, pad_top, pad_left }, height, width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_start_where_each_framework_starts_them() {
        // (padding, input, kernel, stride) → (output, pad before)
        let cases = [
            (Padding::Same, 224, 3, 2, (112, 0)),
            (Padding::Same, 225, 3, 2, (113, 1)),
            (Padding::Same, 224, 3, 1, (224, 1)),
            (Padding::Same, 7, 1, 1, (7, 0)),
            (Padding::Same, 1, 3, 2, (1, 1)),
            (Padding::After, 224, 3, 2, (112, 0)),
            (Padding::After, 49, 3, 2, (24, 0)),
            (Padding::After, 7, 3, 1, (7, 1)),
            (Padding::Symmetric, 224, 3, 2, (112, 1)),
            (Padding::Symmetric, 225, 3, 2, (113, 1)),
            (Padding::Symmetric, 7, 3, 1, (7, 1)),
            (Padding::Symmetric, 1, 3, 2, (1, 1)),
            (Padding::Symmetric, 7, 1, 1, (7, 0)),
            // A 3×3 window of dilation 2 spans 5 px.
            (Padding::Same, 14, 5, 1, (14, 2)),
            (Padding::Same, 3, 5, 1, (3, 2)),
        ];
        for (padding, input, kernel, stride, expected) in cases {
            assert_eq!(axis(padding, input, kernel, stride), expected, "{padding:?} {input} k{kernel} s{stride}");
        }
    }
}
