"""Which nets are run: a covering set that is committed, and the whole product."""

import dataclasses
import itertools
import random

SMALL, LARGE = "v3-small", "v3-large"
SIZES = [(96, 96), (128, 128), (160, 160), (192, 192), (224, 224), (96, 160), (129, 97)]


@dataclasses.dataclass(frozen=True)
class Case:
    """One net and one input size; README.md explains the fields as they stand in the manifest."""

    framework: str
    version: str
    multiplier: float
    height: int
    width: int
    minimalistic: bool = False
    classes: int = 10
    padding: str = "same"
    output_stride: int = 32
    epsilon: float = 1e-3
    pooling: str = "avg"
    activation: str = "softmax"
    finegrain: bool = False
    reduced_tail: bool = False

    @property
    def name(self):
        version = self.version + ("-minimalistic" if self.minimalistic else "")
        parts = [self.framework, version, f"{self.multiplier:g}", f"{self.height}x{self.width}"]
        parts += [f"os{self.output_stride}"] if self.output_stride != 32 else []
        parts += [self.padding] if self.framework in ("timm", "slim") or self.padding == "tail" else []
        parts += ["finegrain"] if self.finegrain else []
        parts += ["reduced"] if self.reduced_tail else []
        parts += [f"classes{self.classes}"] if self.classes not in (0, 10) else []
        parts += [f"top_{self.pooling}"] if not self.classes else []
        parts += [self.activation] if self.activation != "softmax" else []
        return "-".join(parts)


def keras(version, multiplier, height, width, **rest):
    """V1 pads its depthwise stride 2 below and to the right only: SAME unless such a layer meets an odd side."""
    if version == "v1":
        halves = [-(-side // 2) for side in (height, width)]
        odd = any(start // 2**step % 2 for start in halves for step in range(4))
        rest["padding"] = "tail" if odd else "same"
    return Case("keras", version, multiplier, height, width, **rest)


def torchvision(version, multiplier, height, width, **rest):
    epsilon = 1e-5 if version == "v2" else 1e-3
    return Case("torchvision", version, multiplier, height, width, padding="symmetric", epsilon=epsilon, **rest)


def timm(version, multiplier, height, width, padding="symmetric", **rest):
    """`same` stands for timm's tf_ nets. Its V3 classifier has no output stride: features only."""
    if version in (SMALL, LARGE) and rest.get("output_stride", 32) != 32:
        rest.update(classes=0, pooling="none")
    epsilon = 1e-3 if padding == "same" else 1e-5
    return Case("timm", version, multiplier, height, width, padding=padding, epsilon=epsilon, **rest)


def slim(version, multiplier, height, width, **rest):
    """Base only where slim's head takes no dilation or explicit padding (V1), no dilation or oblong map (V3)."""
    plain = rest.get("output_stride", 32) == 32 and rest.get("padding", "same") == "same"
    if version == "v1" and not plain or version in (SMALL, LARGE) and not (plain and height == width):
        rest.update(classes=0, pooling="none")
    return Case("slim", version, multiplier, height, width, **rest)


def committed():
    """Every version, multiplier, size, output stride, padding and naming, and most pairs of them."""
    return [
        keras("v1", 0.25, 129, 97),
        keras("v1", 0.75, 96, 160),
        keras("v1", 1.0, 192, 192, classes=0, pooling="max"),
        keras("v1", 1.4, 128, 128),
        keras("v2", 0.35, 96, 160),
        keras("v2", 0.75, 224, 224, classes=1000),
        keras("v2", 1.0, 160, 160, classes=0),
        keras("v2", 1.4, 97, 97, classes=1, activation="sigmoid"),
        keras(SMALL, 0.35, 129, 97),
        keras(SMALL, 0.75, 128, 128),
        keras(SMALL, 1.4, 96, 160, classes=0, pooling="max"),
        keras(SMALL, 0.75, 192, 192, minimalistic=True),
        keras(LARGE, 0.5, 160, 160),
        keras(LARGE, 1.0, 96, 96),
        keras(LARGE, 1.4, 97, 97),
        keras(LARGE, 0.35, 128, 128, minimalistic=True),
        keras(LARGE, 1.0, 96, 160, minimalistic=True),
        torchvision("v2", 0.35, 129, 97),
        torchvision("v2", 0.5, 96, 96),
        torchvision("v2", 0.75, 96, 160),
        torchvision("v2", 1.0, 224, 224, classes=1000),
        torchvision("v2", 1.4, 128, 128),
        torchvision(SMALL, 0.5, 96, 160, reduced_tail=True),
        torchvision(SMALL, 0.75, 160, 160, output_stride=16),
        torchvision(SMALL, 1.0, 129, 97),
        torchvision(LARGE, 0.75, 96, 160, output_stride=16),
        torchvision(LARGE, 1.0, 97, 97, output_stride=16, reduced_tail=True),
        torchvision(LARGE, 1.4, 96, 96),
        timm("v1", 0.25, 192, 192, padding="same", output_stride=8),
        timm("v1", 0.5, 97, 97),
        timm("v1", 1.0, 128, 128, output_stride=16),
        timm("v1", 1.4, 96, 160, output_stride=8),
        timm("v2", 0.35, 129, 97, padding="same", output_stride=8),
        timm("v2", 0.5, 96, 96, padding="same"),
        timm("v2", 1.0, 192, 192),
        timm("v2", 1.4, 128, 128, output_stride=16),
        timm(SMALL, 0.5, 96, 96, padding="same"),
        timm(SMALL, 0.75, 97, 97, output_stride=8),
        timm(SMALL, 1.0, 160, 160),
        timm(SMALL, 1.0, 129, 97, padding="same", minimalistic=True),
        timm(LARGE, 0.75, 97, 97, padding="same", output_stride=16),
        timm(LARGE, 0.75, 96, 160, padding="same", output_stride=8, minimalistic=True),
        timm(LARGE, 1.0, 128, 128, classes=1001),
        slim("v1", 0.25, 128, 128),
        slim("v1", 0.5, 96, 160, output_stride=16),
        slim("v1", 0.75, 129, 97),
        slim("v1", 1.0, 160, 160, padding="symmetric"),
        slim("v1", 1.0, 224, 224, classes=1001),
        slim("v1", 1.4, 97, 97, output_stride=8),
        slim("v2", 0.35, 97, 97, finegrain=True),
        slim("v2", 0.5, 160, 160),
        slim("v2", 0.75, 128, 128, padding="symmetric", finegrain=True),
        slim("v2", 1.0, 96, 160, output_stride=16),
        slim("v2", 1.4, 129, 97, output_stride=8),
        slim(SMALL, 0.35, 97, 97, minimalistic=True),
        slim(SMALL, 0.75, 192, 192, finegrain=True),
        slim(SMALL, 1.0, 96, 96, classes=1001),
        slim(SMALL, 1.0, 96, 160, output_stride=16),
        slim(LARGE, 0.75, 96, 96),
        slim(LARGE, 1.0, 128, 128, output_stride=8),
        slim(LARGE, 1.4, 160, 160, minimalistic=True),
        slim(LARGE, 0.5, 128, 128, output_stride=8),
    ]


def full():
    """The whole product, as far as each framework goes."""
    found = list(committed())
    for version, (height, width) in itertools.product(("v1", "v2", SMALL, LARGE), SIZES):
        least = 0.25 if version == "v1" else 0.35
        v3 = version in (SMALL, LARGE)
        widths = (least, 0.5, 0.75, 1.0, 1.4)
        for multiplier, minimalistic in itertools.product(widths, (False, True) if v3 else (False,)):
            at = (version, multiplier, height, width)
            found.append(keras(*at, minimalistic=minimalistic))
            for stride, padding in itertools.product((32, 16, 8), ("same", "symmetric")):
                # timm's minimal nets are tf_ nets.
                if padding == "same" or not minimalistic:
                    found.append(timm(*at, padding=padding, output_stride=stride, minimalistic=minimalistic))
                # slim's explicit padding hits the wrong layer of V3.
                if padding == "same" or not v3:
                    found.append(slim(*at, padding=padding, output_stride=stride, minimalistic=minimalistic))
            if version in ("v2", SMALL, LARGE):
                found.append(slim(*at, minimalistic=minimalistic, finegrain=True))
            if version == "v2":
                found.append(torchvision(*at))
            elif v3 and not minimalistic:
                for stride, reduced in itertools.product((32, 16), (False, True)):
                    found.append(torchvision(*at, output_stride=stride, reduced_tail=reduced))
    return list(dict.fromkeys(found))


def factors(case):
    """What a sample is spread over."""
    version = (case.version, case.minimalistic)
    return (case.framework, version, case.multiplier, (case.height, case.width), case.output_stride, case.padding)


def sample(count, seed, only=""):
    """`count` cases of the product that are not committed: each next one has most pairs of factors not met so far."""
    left = [case for case in full()[len(committed()) :] if only in case.name]
    random.Random(seed).shuffle(left)
    pairs = {case: set(itertools.combinations(enumerate(factors(case)), 2)) for case in left}
    met, found = dict.fromkeys(set().union(*pairs.values()), 0), []
    while left and len(found) < count:
        best = max(left, key=lambda case: sum(0.5 ** met[pair] for pair in pairs[case]))
        left.remove(best)
        found.append(best)
        for pair in pairs[best]:
            met[pair] += 1
    return found
