"""What is known about each network: where it comes from, what it does, when to use it."""

from dataclasses import dataclass

from medse.attention.papers import COORDINATE, SCSE, Paper

UNET = Paper(
    "Ronneberger, Fischer, Brox",
    "U-Net: Convolutional Networks for Biomedical Image Segmentation",
    "MICCAI",
    2015,
)
UNET_3D = Paper(
    "Çiçek, Abdulkadir, Lienkamp, Brox, Ronneberger",
    "3D U-Net: Learning Dense Volumetric Segmentation from Sparse Annotation",
    "MICCAI",
    2016,
)
NNUNET = Paper(
    "Isensee, Wald, Ulrich, Baumgartner, Roy, Maier-Hein, Jäger",
    "nnU-Net Revisited: A Call for Rigorous Validation in 3D Medical Image Segmentation",
    "MICCAI",
    2024,
)
TIRAMISU = Paper(
    "Jégou, Drozdzal, Vazquez, Romero, Bengio",
    "The One Hundred Layers Tiramisu: Fully Convolutional DenseNets for Semantic Segmentation",
    "CVPR Workshops",
    2017,
)
SDNET = Paper(
    "Roy, Conjeti, Sheet, Katouzian, Navab, Wachinger",
    "Error Corrective Boosting for Learning Fully Convolutional Networks with Limited Data",
    "MICCAI",
    2017,
)
QUICKNAT = Paper(
    "Roy, Conjeti, Navab, Wachinger",
    "QuickNAT: A Fully Convolutional Network for Quick and Accurate Segmentation of Neuroanatomy",
    "NeuroImage 186",
    2019,
)
RESNET = Paper("He, Zhang, Ren, Sun", "Deep Residual Learning for Image Recognition", "CVPR", 2016)
RESNETV2 = Paper("He, Zhang, Ren, Sun", "Identity Mappings in Deep Residual Networks", "ECCV", 2016)
MOBILENETV2 = Paper(
    "Sandler, Howard, Zhu, Zhmoginov, Chen",
    "MobileNetV2: Inverted Residuals and Linear Bottlenecks",
    "CVPR",
    2018,
)
DENSENET = Paper(
    "Huang, Liu, van der Maaten, Weinberger", "Densely Connected Convolutional Networks", "CVPR", 2017
)


@dataclass(frozen=True)
class Entry:
    """One network.

    Attributes:
        title: Its name in words.
        papers: Where it was published, the original first.
        what: What it is.
        use: When to use it.
    """

    title: str
    papers: tuple[Paper, ...]
    what: str
    use: str


CATALOGUE: dict[str, Entry] = {
    "unet": Entry(
        title="U-Net",
        papers=(UNET, UNET_3D, NNUNET, SCSE),
        what=(
            "Encoder and decoder with skip connections, two convolutions at each resolution; plain, residual, or "
            "with a residual encoder; deep supervision on demand. Widths, depths, kernels and strides per "
            "resolution, also per axis."
        ),
        use="Segmentation, 2-D and 3-D: the first to try.",
    ),
    "fcdensenet": Entry(
        title="Fully convolutional DenseNet",
        papers=(TIRAMISU, SCSE),
        what=(
            "Encoder and decoder of dense blocks, in which each convolution sees the maps of all before it; or of "
            "QuickNAT's dense blocks."
        ),
        use="Segmentation with few parameters and much memory.",
    ),
    "sdnet": Entry(
        title="SkipDeconv-Net (SD-Net)",
        papers=(SDNET, SCSE),
        what=(
            "Encoder and decoder with one large convolution per block; the decoder unpools to where the maxima of "
            "the encoder's pooling were. Not the spatial decomposition network of the same short name."
        ),
        use="Segmentation, to compare with Roy et al.; thin structures.",
    ),
    "quicknat": Entry(
        title="QuickNAT",
        papers=(QUICKNAT, SCSE),
        what="Four dense blocks down, one between, four up; unpooling to the places of the maxima, as in SD-Net.",
        use="Whole-brain segmentation slice by slice; the authors' weights.",
    ),
    "resnet": Entry(
        title="ResNet-18, 34 and 50 (v1.5)",
        papers=(RESNET,),
        what="Residual blocks that add their input; the step sits in the middle convolution of a bottleneck block.",
        use="Classification; most attention papers report it.",
    ),
    "resnetv2": Entry(
        title="ResNet50V2",
        papers=(RESNETV2,),
        what="Residual blocks that normalise and activate before their convolutions, in the layout of Keras.",
        use="Classification with Keras' weights.",
    ),
    "mobilenetv2": Entry(
        title="MobileNetV2",
        papers=(MOBILENETV2, COORDINATE),
        what="Inverted residual blocks: widen, convolve each channel alone, attend, narrow, add.",
        use="Classification where memory or time is short.",
    ),
    "densenet": Entry(
        title="DenseNet-121",
        papers=(DENSENET,),
        what="Dense blocks, in which each layer sees the maps of all before it, with attention after each block.",
        use="Classification of medical images; MONAI's layout.",
    ),
}
"""Name in a configuration -> what is known about the network."""
