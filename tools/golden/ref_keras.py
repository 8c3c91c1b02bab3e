"""keras.applications, run in f64 with seeded weights; endpoints are outputs of inner layers."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
import tensorflow

import seeded

VERSIONS = {"keras": keras.__version__, "tensorflow": tensorflow.__version__}
MAKERS = {
    "v1": keras.applications.MobileNet,
    "v2": keras.applications.MobileNetV2,
    "v3-small": keras.applications.MobileNetV3Small,
    "v3-large": keras.applications.MobileNetV3Large,
}


def after(model, layer):
    """Output of what follows a batch norm: V3's activations have no names of their own."""
    return model.get_layer(layer)._outbound_nodes[0].operation.output


def v1_endpoints(model):
    yield "Conv2d_0", model.get_layer("conv1_relu").output
    for at in range(1, 14):
        yield f"Conv2d_{at}_depthwise", model.get_layer(f"conv_dw_{at}_relu").output
        yield f"Conv2d_{at}_pointwise", model.get_layer(f"conv_pw_{at}_relu").output


def v2_endpoints(model):
    layers = {layer.name for layer in model.layers}
    yield "layer_1", model.get_layer("Conv1_relu").output
    for at in range(17):
        prefix, name = ("expanded_conv_" if at == 0 else f"block_{at}_"), f"layer_{at + 2}"
        if at:
            yield f"{name}/expansion_output", model.get_layer(f"{prefix}expand_relu").output
        yield f"{name}/depthwise_output", model.get_layer(f"{prefix}depthwise_relu").output
        projected = model.get_layer(f"{prefix}project_BN").output
        if f"{prefix}add" in layers:
            yield f"{name}/projection_output", projected
            projected = model.get_layer(f"{prefix}add").output
        yield name, projected
    yield "layer_19", model.get_layer("out_relu").output


def v3_endpoints(model, top):
    layers = {layer.name for layer in model.layers}
    yield "layer_1", after(model, "conv_bn")
    at = 0
    while (prefix := "expanded_conv_" if at == 0 else f"expanded_conv_{at}_") + "depthwise" in layers:
        name = f"layer_{at + 2}"
        if at:
            yield f"{name}/expansion_output", after(model, f"{prefix}expand_bn")
        yield f"{name}/depthwise_output", after(model, f"{prefix}depthwise_bn")
        if f"{prefix}squeeze_excite_mul" in layers:
            yield f"{name}/squeeze_excite_output", model.get_layer(f"{prefix}squeeze_excite_mul").output
        projected = model.get_layer(f"{prefix}project_bn").output
        if f"{prefix}add" in layers:
            yield f"{name}/projection_output", projected
            projected = model.get_layer(f"{prefix}add").output
        yield name, projected
        at += 1
    yield f"layer_{at + 2}", after(model, "conv_1_bn")
    if top:
        yield f"layer_{at + 3}", model.get_layer("conv_2").input
        yield f"layer_{at + 4}", after(model, "conv_2")


def weight_name(variable):
    """As the published .h5 files have it: Keras 3 calls a depthwise kernel just `kernel`."""
    layer, name = variable.path.rsplit("/", 1)
    depthwise = name == "kernel" and (layer.startswith("conv_dw_") or layer.endswith("depthwise"))
    return f"{layer}/depthwise_kernel" if depthwise else variable.path


def run(case):
    """(how the model was made, {tensor: shape}, {endpoint: values})."""
    keras.backend.clear_session()
    keras.config.set_dtype_policy("float64")
    options = {"input_shape": (case.height, case.width, 3), "alpha": case.multiplier, "weights": None}
    if case.classes:
        options.update(classes=case.classes, classifier_activation=None)
    else:
        options.update(include_top=False, pooling=None if case.pooling == "none" else case.pooling)
    v3 = case.version.startswith("v3")
    if v3:
        options.update(minimalistic=case.minimalistic, include_preprocessing=False)
    make = MAKERS[case.version]
    model = make(**options)
    shapes = {}
    for variable in model.weights:
        name = weight_name(variable)
        shapes[name] = tuple(variable.shape)
        variable.assign(seeded.tensor(name, variable.shape))
    assert sum(np.prod(shape) for shape in shapes.values()) == model.count_params()
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert {layer.epsilon for layer in norms} == {case.epsilon}

    if v3:
        named = dict(v3_endpoints(model, bool(case.classes)))
    else:
        named = dict((v1_endpoints if case.version == "v1" else v2_endpoints)(model))
    if case.classes:
        if v3:
            named["global_pool"] = named[list(named)[-1]]
        else:
            pools = [layer for layer in model.layers if isinstance(layer, keras.layers.GlobalAveragePooling2D)]
            named["global_pool"] = pools[-1].output
        named["logits"] = model.output
    elif case.pooling != "none":
        named["global_pool"] = model.output
    frame = seeded.picture(case.height, case.width)[None].astype(np.float64)
    values = keras.Model(model.input, list(named.values()))(frame, training=False)
    outputs = {name: np.asarray(value)[0] for name, value in zip(named, values)}
    if case.classes:
        predict = keras.activations.sigmoid if case.activation == "sigmoid" else keras.activations.softmax
        logits = outputs["logits"].reshape(1, -1)
        outputs["predictions"] = np.asarray(predict(keras.ops.convert_to_tensor(logits)))[0]
    for name in ("global_pool", "logits", "predictions"):
        if name in outputs:
            outputs[name] = outputs[name].reshape(-1)
    said = ", ".join(f"{key}={value!r}" for key, value in options.items())
    return f"keras.applications.{make.__name__}({said})", shapes, outputs
