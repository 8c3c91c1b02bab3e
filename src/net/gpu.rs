//! The same network on a GPU, beside the CPU that answers where the GPU cannot.

use super::{Net, PREDICTIONS, Tensor};
use crate::backend::gpu::{Device, Gpu, Kept, MOST_LABELS, Picture, Variant, Want, lower, stored_bytes};
use crate::error::{Error, Kind, Result};
use crate::frame::{Preprocessor, View};
use crate::output::{Label, Query, top_k};
use crate::plan::{self, Grouping, Plan, Step};

/// What a network has on a GPU.
pub(super) struct Accelerator {
    gpu: Gpu,
    /// The plans prepared so far.
    plans: Vec<Prepared>,
}

/// A plan that the GPU has prepared, and what it was asked for.
struct Prepared {
    endpoints: Vec<String>,
    want: Want,
    plan: Plan,
    /// The number that the GPU gave it.
    id: usize,
}

/// What a frame costs on the GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GpuCost {
    /// Compiled pipelines of this network.
    pub pipelines: usize,
    /// Dispatches from texture to labels.
    pub dispatches: usize,
    /// Bytes that a call for labels reads back.
    pub readback_bytes: usize,
}

/// One dispatch of a frame, or on the CPU one step, timed.
#[derive(Clone, Debug, PartialEq)]
pub struct Dispatched {
    /// The layers that it computes; empty for the frame's passes and the labels'.
    pub layers: Vec<String>,
    /// The kernel's stem, or the shader's.
    pub kernel: &'static str,
    /// Microseconds.
    pub us: f64,
    /// Multiply-accumulates; 0 where there are none to speak of.
    pub macs: u64,
    /// Bytes read and written: weights, the maps that come in, the map that remains.
    pub bytes: u64,
}

impl Dispatched {
    /// Billions of floating-point operations a second, two a multiply-accumulate.
    #[must_use]
    pub fn gflops(&self) -> f64 {
        if self.us > 0.0 { self.macs as f64 * 2.0 / self.us / 1e3 } else { 0.0 }
    }

    /// Billions of bytes a second.
    #[must_use]
    pub fn gbytes(&self) -> f64 {
        if self.us > 0.0 { self.bytes as f64 / self.us / 1e3 } else { 0.0 }
    }
}

impl Net {
    /// Brings the weights to that device and prepares for labels. From then on `gpu_…` calls work, of which the first
    /// compiles what [`Net::compile`] has not; the others still run on the CPU.
    ///
    /// # Errors
    /// [`Kind::GpuFailed`] where the network exceeds a limit of the adapter; what has gone wrong with the device. Then
    /// nothing is attached, not even what was before.
    pub fn attach(&mut self, device: &Device, variant: Variant) -> Result<()> {
        self.detach();
        #[cfg(feature = "integers")]
        if self.is_integer() {
            return Err(Error::new(Kind::GpuUnavailable, "gpu")
                .expected("a network of floats")
                .found("one that is computed in integers, which GPUs have no kernels for here")
                .remedy("Leave it on the CPU, or open it in floats: `precision: \"f32\"`."));
        }
        let preprocessor = Preprocessor::new(&self.spec.preprocessing, self.spec.height_px, self.spec.width_px);
        let gpu = Gpu::new(device, variant, preprocessor, self.executor.parameters())?;
        self.accelerator = Some(Accelerator { gpu, plans: Vec::new() });
        let last = self.last_endpoint().to_owned();
        let labels = Want::Labels(Query::default().top_k);
        let attached = self.gpu_plan(&[&last], if last == PREDICTIONS { labels } else { Want::Maps }).map(|_| ());
        if attached.is_err() {
            self.detach();
        }
        attached
    }

    /// Asks the attached device for the pipelines of what has been prepared.
    pub fn compile(&self) {
        if let Some(Accelerator { gpu, .. }) = &self.accelerator {
            gpu.compile();
        }
    }

    /// Lets go of the GPU.
    pub fn detach(&mut self) {
        self.accelerator = None;
    }

    /// Whether `gpu_…` calls work.
    #[must_use]
    pub const fn is_attached(&self) -> bool {
        self.accelerator.is_some()
    }

    /// What a frame costs there.
    #[must_use]
    pub fn gpu_cost(&self) -> Option<GpuCost> {
        let Accelerator { gpu, plans } = self.accelerator.as_ref()?;
        let &Prepared { want, id, .. } = plans.first()?;
        let readback_bytes = if let Want::Labels(count) = want { count * 8 } else { 0 };
        Some(GpuCost { pipelines: gpu.pipelines(), dispatches: gpu.dispatches(id), readback_bytes })
    }

    fn gpu_plan(&mut self, endpoints: &[&str], want: Want) -> Result<(&mut Gpu, &Prepared)> {
        let Some(Accelerator { gpu, plans }) = &mut self.accelerator else {
            return Err(Error::new(Kind::GpuUnavailable, "gpu")
                .expected("a network that was brought to a GPU")
                .found("one that was not")
                .remedy("Attach a device first."));
        };
        let known = plans.iter().position(|known| known.want == want && known.endpoints.iter().eq(endpoints));
        let index = if let Some(index) = known {
            index
        } else {
            let grouping = if gpu.variant().software { Grouping::Software } else { Grouping::Gpu };
            let plan = Plan::grouped(&self.graph, &self.packing, endpoints, grouping)?;
            let id = gpu.prepare(&plan, want)?;
            plans.push(Prepared { endpoints: endpoints.iter().map(ToString::to_string).collect(), want, plan, id });
            plans.len() - 1
        };
        Ok((gpu, &plans[index]))
    }

    /// As [`Net::infer`], on the GPU: the frame is handed over at once, and the answer comes later. Several may be on
    /// their way.
    ///
    /// # Errors
    /// As [`Net::infer`]; and, here or later, one of the GPU's kinds of [`Kind`]: then nothing was computed.
    pub fn gpu_infer(
        &mut self,
        picture: &Picture<'_>,
        view: &View,
        endpoints: &[&str],
    ) -> Result<impl Future<Output = Result<Vec<Tensor>>> + use<>> {
        let shapes = self.shapes(endpoints)?;
        let (gpu, &Prepared { id, .. }) = self.gpu_plan(endpoints, Want::Maps)?;
        let answer = gpu.run(id, picture, view)?;
        Ok(async move {
            let maps = answer.maps().await?;
            let tensor = |((endpoint, shape), data)| Tensor { endpoint, shape, data };
            Ok(shapes.into_iter().zip(maps).map(tensor).collect())
        })
    }

    /// As [`Net::gpu_infer`], but the maps stay there, each in a buffer of its own that is the caller's: four channels a
    /// vector, zeros in the lanes past the last.
    ///
    /// # Errors
    /// As [`Net::gpu_infer`].
    pub fn gpu_keep(
        &mut self,
        picture: &Picture<'_>,
        view: &View,
        endpoints: &[&str],
    ) -> Result<Vec<(String, Vec<usize>, Kept)>> {
        let shapes = self.shapes(endpoints)?;
        let (gpu, &Prepared { id, .. }) = self.gpu_plan(endpoints, Want::Maps)?;
        let buffers = gpu.keep(id, picture, view)?;
        Ok(shapes.into_iter().zip(buffers).map(|((name, shape), buffer)| (name, shape, buffer)).collect())
    }

    /// As [`Net::classify`], on the GPU; only the labels are read back, unless the query asks for more than that.
    ///
    /// # Errors
    /// As [`Net::gpu_infer`].
    pub fn gpu_classify(
        &mut self,
        picture: &Picture<'_>,
        view: &View,
        query: &Query,
    ) -> Result<impl Future<Output = Result<Vec<Label>>> + use<>> {
        let simple = query.allow.is_empty() && query.deny.is_empty() && (1..=MOST_LABELS).contains(&query.top_k);
        let want = if simple { Want::Labels(query.top_k) } else { Want::Maps };
        let (gpu, &Prepared { id, .. }) = self.gpu_plan(&[PREDICTIONS], want)?;
        let answer = gpu.run(id, picture, view)?;
        let query = query.clone();
        Ok(async move {
            if !simple {
                let maps = answer.maps().await?;
                return Ok(maps.first().map_or_else(Vec::new, |probabilities| top_k(probabilities, &query)));
            }
            let labels = answer.labels().await?.into_iter();
            let label = |(index, probability)| Label { index, probability };
            Ok(labels.map(label).filter(|label| label.probability >= query.threshold).collect())
        })
    }

    /// How long each dispatch takes that computes `endpoints` for a frame, in order; with only the predictions asked for,
    /// the labels' too. The sum is more than a frame takes, whose dispatches overlap.
    ///
    /// # Errors
    /// [`Kind::Unsupported`] where the adapter has no timestamps; as [`Net::gpu_infer`].
    pub fn gpu_profile(
        &mut self,
        picture: &Picture<'_>,
        view: &View,
        endpoints: &[&str],
    ) -> Result<impl Future<Output = Result<Vec<Dispatched>>> + use<>> {
        let want = if endpoints == [PREDICTIONS] { Want::Labels(Query::default().top_k) } else { Want::Maps };
        let classes = self.spec.classes as u64;
        let (gpu, Prepared { plan, id, .. }) = self.gpu_plan(endpoints, want)?;
        let f16 = gpu.variant().f16;
        let bytes = |steps: &[Step]| plan::moved(steps) as u64 * stored_bytes(f16);
        let timed = gpu.profile(*id, picture, view)?;
        let row = |kernel, bytes| Dispatched { layers: Vec::new(), kernel, us: 0.0, macs: 0, bytes };
        let mut rows: Vec<Dispatched> =
            gpu.frame_stems().zip(timed.frame_bytes.clone()).map(|(stem, bytes)| row(stem, bytes)).collect();
        let labels = if let Want::Labels(count) = want { count } else { 0 };
        for dispatch in lower(plan, labels, gpu.variant().software) {
            let steps = &plan.steps[dispatch.steps];
            let bytes = if steps.is_empty() { classes * if f16 { 2 } else { 4 } } else { bytes(steps) };
            rows.push(Dispatched {
                layers: steps.iter().map(|step| step.name.clone()).collect(),
                macs: steps.iter().map(|step| step.macs).sum(),
                ..row(dispatch.shader.stem, bytes)
            });
        }
        Ok(async move {
            for (row, ns) in rows.iter_mut().zip(timed.ns().await?) {
                row.us = ns / 1e3;
            }
            Ok(rows)
        })
    }
}
