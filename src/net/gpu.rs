//! The same network on a GPU, beside the CPU that answers where the GPU cannot.

use super::{Net, PREDICTIONS, Tensor};
use crate::backend::gpu::{Device, Gpu, MOST_LABELS, Picture, Variant, Want};
use crate::error::{Error, Kind, Result};
use crate::frame::{Preprocessor, View};
use crate::output::{Label, Query, top_k};
use crate::plan::{Grouping, Plan};

/// What a network has on a GPU.
pub(super) struct Accelerator {
    gpu: Gpu,
    /// The plans prepared so far: endpoints, how many labels, and the number that the GPU gave it.
    plans: Vec<(Vec<String>, Want, usize)>,
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

impl Net {
    /// Brings the weights to that device and prepares for labels. From then on `gpu_…` calls work; the others still run
    /// on the CPU.
    ///
    /// # Errors
    /// [`Kind::GpuFailed`] where the network exceeds a limit of the adapter; what has gone wrong with the device. Then
    /// nothing is attached, not even what was before.
    pub fn attach(&mut self, device: &Device, variant: Variant) -> Result<()> {
        self.detach();
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
        let (_, want, id) = plans.first()?;
        let readback_bytes = if let Want::Labels(count) = want { count * 8 } else { 0 };
        Some(GpuCost { pipelines: gpu.pipelines(), dispatches: gpu.dispatches(*id), readback_bytes })
    }

    fn gpu_plan(&mut self, endpoints: &[&str], want: Want) -> Result<(&mut Gpu, usize)> {
        let Some(Accelerator { gpu, plans }) = &mut self.accelerator else {
            return Err(Error::new(Kind::GpuUnavailable, "gpu")
                .expected("a network that was brought to a GPU")
                .found("one that was not")
                .remedy("Attach a device first."));
        };
        let known = plans.iter().find(|(names, known, _)| *known == want && names.iter().eq(endpoints));
        if let Some(&(_, _, id)) = known {
            return Ok((gpu, id));
        }
        let grouping = if gpu.variant().software { Grouping::None } else { Grouping::Gpu };
        let plan = Plan::grouped(&self.graph, &self.packing, endpoints, grouping)?;
        let id = gpu.prepare(&plan, want)?;
        plans.push((endpoints.iter().map(ToString::to_string).collect(), want, id));
        Ok((gpu, id))
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
        let shapes: Vec<(String, Vec<usize>)> = endpoints
            .iter()
            .map(|name| {
                let name = self.graph.endpoint(name)?.name.clone();
                let shape = self.endpoints.iter().find(|endpoint| endpoint.name == name);
                Ok((name, shape.map_or_else(Vec::new, |endpoint| endpoint.shape.clone())))
            })
            .collect::<Result<_>>()?;
        let (gpu, id) = self.gpu_plan(endpoints, Want::Maps)?;
        let answer = gpu.run(id, picture, view)?;
        Ok(async move {
            let maps = answer.maps().await?;
            let tensor = |((endpoint, shape), data)| Tensor { endpoint, shape, data };
            Ok(shapes.into_iter().zip(maps).map(tensor).collect())
        })
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
        let (gpu, id) = self.gpu_plan(&[PREDICTIONS], want)?;
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
}
