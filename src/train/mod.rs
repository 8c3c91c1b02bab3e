//! Classes of one's own: heads on a network's features, trained where the pictures are.
//!
//! [`Samples`] are vectors with what is to be learnt of them; [`split`] says which are held out. A [`Head`] comes out of
//! gradient descent ([`Run`]), of a closed form ([`solve`]) or of the samples themselves ([`nearest`]), all of which predict,
//! are written ([`file`]) and exported alike. [`Loss`], [`Optimizer`] and [`Schedule`] are Keras', and know nothing of
//! heads: what trains the network's end uses them too.

mod augment;
mod calibrate;
mod centred;
mod cholesky;
mod dense;
mod descent;
pub mod file;
mod findings;
mod head;
pub mod loss;
mod metrics;
pub mod nearest;
mod optimizer;
pub mod options;
pub mod random;
mod ridge;
mod run;
mod samples;
mod schedule;
mod split;
pub mod tune;

pub use augment::{Augmentation, Picture, augment};
pub use calibrate::threshold;
pub use dense::Dense;
pub use descent::{Descent, Stepped};
pub use findings::{Duplicate, Findings, Mislabelled};
pub use head::Head;
pub use loss::Loss;
pub use metrics::{Class, Evaluation, evaluate};
pub use optimizer::{Optimizer, Rule};
pub use options::{ClassWeights, EarlyStopping, FitOptions};
pub use random::{Purpose, Random};
pub use ridge::{Ridge, RidgeOptions, Solver, solve};
pub use run::{Epoch, Event, Run, Stopped, rows_by_part};
pub use samples::Samples;
pub use schedule::Schedule;
pub use split::{Part, split};

/// What the outputs of a head mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Task {
    /// One of the classes: probabilities that sum to 1.
    #[default]
    Softmax,
    /// Any of the classes, each by itself: probabilities.
    Sigmoid,
    /// Numbers.
    Regression,
}

impl Task {
    /// Each with its name.
    pub const ALL: [(Self, &str); 3] =
        [(Self::Softmax, "softmax"), (Self::Sigmoid, "sigmoid"), (Self::Regression, "regression")];

    /// The name that options and files use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Softmax => "softmax",
            Self::Sigmoid => "sigmoid",
            Self::Regression => "regression",
        }
    }
}

/// How a head came about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// Batches and an optimiser.
    #[default]
    Gradient,
    /// Least squares with a penalty, in closed form.
    Ridge,
    /// The most similar samples vote.
    Neighbours,
    /// The most similar mean of a class.
    Centroids,
}

impl Method {
    /// Each with its name.
    pub const ALL: [(Self, &str); 4] = [
        (Self::Gradient, "gradient"),
        (Self::Ridge, "ridge"),
        (Self::Neighbours, "neighbours"),
        (Self::Centroids, "centroids"),
    ];

    /// The name that options and files use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gradient => "gradient",
            Self::Ridge => "ridge",
            Self::Neighbours => "neighbours",
            Self::Centroids => "centroids",
        }
    }
}

/// The row of a list like [`Task::ALL`] that goes by a name.
///
/// # Errors
/// [`Kind::BadOption`](crate::Kind::BadOption), listing the names.
pub fn named<T: Copy>(option: &str, rows: &[(T, &str)], name: &str) -> crate::Result<T> {
    rows.iter().find(|row| row.1 == name).map(|row| row.0).ok_or_else(|| {
        let names: Vec<&str> = rows.iter().map(|row| row.1).collect();
        options::bad(option, &names.join(", "), format!("{name:?}"))
    })
}
