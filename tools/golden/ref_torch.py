"""torchvision and timm, run in f64 with seeded weights; endpoints by forward hooks."""

import numpy as np
import timm
import torch
import torchvision
from timm.models import efficientnet, mobilenetv3
from timm.models._efficientnet_blocks import ConvBnAct, DepthwiseSeparableConv, InvertedResidual

import seeded

VERSIONS = {module.__name__: module.__version__.split("+")[0] for module in (torch, torchvision, timm)}


class Tap:
    """Keeps module outputs under endpoint names; copies at once, for activations work in place."""

    def __init__(self):
        self.kept = {}

    def __call__(self, endpoint, module, as_vector=False):
        def keep(_module, _inputs, output):
            value = output.detach().clone()[0]
            if as_vector:
                value = value.reshape(-1)
            else:
                value = value.reshape(value.shape[0], *(value.shape[1:] or (1, 1))).permute(1, 2, 0)
            self.kept[endpoint] = value.contiguous().numpy()

        module.register_forward_hook(keep)


def tap_torchvision_block(tap, layer, parts, residual):
    """parts: an inverted residual's modules in order; the last is (or ends in) the linear batch norm."""
    for part in parts:
        if isinstance(part, torchvision.ops.misc.SqueezeExcitation):
            tap(f"{layer}/squeeze_excite_output", part)
        elif isinstance(part, torchvision.ops.misc.Conv2dNormActivation) and part is not parts[-1]:
            tap(f"{layer}/depthwise_output" if part[0].groups > 1 else f"{layer}/expansion_output", part)
    if residual:
        tap(f"{layer}/projection_output", parts[-1])


def torchvision_model(case, tap):
    """(model, how it was made)."""
    options = {"width_mult": case.multiplier, "num_classes": case.classes}
    make = getattr(torchvision.models, f"mobilenet_{case.version.replace('-', '_')}")
    if case.version == "v2":
        model = make(**options)
    else:
        options.update(dilated=case.output_stride == 16, reduced_tail=case.reduced_tail)
        model = make(**options)
    for at, module in enumerate(model.features, start=1):
        layer = f"layer_{at}"
        if hasattr(module, "use_res_connect"):
            parts = list(module.conv if case.version == "v2" else module.block)
            tap_torchvision_block(tap, layer, parts, module.use_res_connect)
        tap(layer, module)
    if case.version == "v2":
        # A dropout, which does nothing here, sees the pooled vector.
        tap("global_pool", model.classifier[0], as_vector=True)
    else:
        tap(f"layer_{at + 1}", model.avgpool)
        tap(f"layer_{at + 2}", model.classifier[1])
        tap("global_pool", model.classifier[1], as_vector=True)
    tap("logits", model.classifier[-1], as_vector=True)
    said = ", ".join(f"{key}={value!r}" for key, value in options.items())
    return model, f"torchvision.models.{make.__name__}({said})"


def timm_model(case, tap):
    """(model, how it was made). Features only where timm's classifier has no output stride (V3)."""
    options = {"bn_eps": case.epsilon, "pad_type": "same" if case.padding == "same" else ""}
    options.update({"num_classes": case.classes} if case.classes else {"features_only": True})
    if case.output_stride != 32:
        options["output_stride"] = case.output_stride
    said = ", ".join(f"{key}={value!r}" for key, value in options.items())
    if case.version in ("v1", "v2"):
        make = efficientnet._gen_mobilenet_v1 if case.version == "v1" else efficientnet._gen_mobilenet_v2
        variant = "mobilenetv1_100" if case.version == "v1" else "mobilenetv2_100"
    else:
        make = mobilenetv3._gen_mobilenet_v3
        variant = f"tf_mobilenetv3_{case.version[3:]}_{'minimal_' if case.minimalistic else ''}100"
    model = make(variant, case.multiplier, **options)
    tap("Conv2d_0" if case.version == "v1" else "layer_1", getattr(model, "act1", model.bn1))
    for at, block in enumerate((block for stage in model.blocks for block in stage), start=1):
        tap_timm_block(tap, case, at, block)
    if case.classes:
        pooled = model.global_pool
        if case.version == "v2":
            tap("layer_19", model.bn2)
        elif case.version != "v1":
            tap(f"layer_{at + 2}", model.global_pool)
            tap(f"layer_{at + 3}", model.act2)
            pooled = model.act2
        tap("global_pool", pooled, as_vector=True)
        tap("logits", model.classifier, as_vector=True)
    return model, f"timm {make.__name__}({variant!r}, {case.multiplier}, {said})"


def tap_timm_block(tap, case, at, block):
    """Block `at` (the first after the stem is 1)."""
    if case.version == "v1":
        tap(f"Conv2d_{at}_depthwise", block.bn1)
        tap(f"Conv2d_{at}_pointwise", block)
        return
    layer = f"layer_{at + 1}"
    tap(layer, block)
    if isinstance(block, ConvBnAct):
        return
    inverted = isinstance(block, InvertedResidual)
    assert inverted or isinstance(block, DepthwiseSeparableConv)
    if inverted:
        tap(f"{layer}/expansion_output", block.bn1)
    tap(f"{layer}/depthwise_output", block.bn2 if inverted else block.bn1)
    if not isinstance(block.se, torch.nn.Identity):
        tap(f"{layer}/squeeze_excite_output", block.se)
    if block.has_skip:
        tap(f"{layer}/projection_output", block.bn3 if inverted else block.bn2)


def run(case):
    """(how the model was made, {tensor: shape}, {endpoint: values})."""
    tap = Tap()
    model, call = (torchvision_model if case.framework == "torchvision" else timm_model)(case, tap)
    model = model.double().eval()
    counters = "num_batches_tracked"
    shapes = {name: tuple(x.shape) for name, x in model.state_dict().items() if not name.endswith(counters)}
    state = {name: torch.from_numpy(seeded.tensor(name, shape).astype(np.float64)) for name, shape in shapes.items()}
    rest = model.load_state_dict(state, strict=False)
    assert not rest.unexpected_keys and all(name.endswith(counters) for name in rest.missing_keys)
    epsilons = {module.eps for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)}
    assert epsilons == {case.epsilon}, epsilons
    frame = torch.from_numpy(seeded.picture(case.height, case.width).astype(np.float64)).permute(2, 0, 1)[None]
    with torch.inference_mode():
        model(frame)
        outputs = dict(tap.kept)
        if case.classes:
            outputs["predictions"] = torch.softmax(torch.from_numpy(outputs["logits"]), -1).numpy()
    return call, shapes, outputs
