"""VGG, ResNet, Inception, Xception and DenseNet: what the field compares itself with."""

from __future__ import annotations

from cxr_core.backbones._row import Backbone, Operations
from cxr_core.backbones._source import CAFFE, TF, TORCH, VISION, course, keras, weights

_KERNELS = "weights_tf_dim_ordering_tf_kernels_notop.h5"
_VGG = "Simonyan and Zisserman 2014, arXiv 1409.1556"


def _stages(*pairs: tuple[int, int]) -> tuple[str, ...]:
    return tuple(f"conv{stage}_block{block}_out" for stage, block in pairs)


CLASSIC: tuple[Backbone, ...] = (
    Backbone(
        name="resnet50",
        constructor="ResNet50",
        family="ResNet",
        year=2015,
        paper="He et al. 2015, arXiv 1512.03385",
        size=224,
        scaling=CAFFE,
        cam_layer="conv5_block3_out",
        feature_layers=_stages((2, 3), (3, 4), (4, 3), (4, 6), (5, 3)),
        published=keras(25_636_712, 74.9, 92.1),
        operations=Operations(3.86e9, "Hu et al. 2018, arXiv 1709.01507, section 4"),
        course=course(25_600_000, 76.0, 93.0),
        weights=weights(f"resnet/resnet50_{_KERNELS}", "4d473c1dd8becc155b73f8504c6f6626"),
    ),
    Backbone(
        name="resnet50v2",
        constructor="ResNet50V2",
        family="ResNet",
        year=2016,
        paper="He et al. 2016, arXiv 1603.05027",
        size=224,
        scaling=TF,
        cam_layer="post_relu",
        feature_layers=(*_stages((2, 3), (3, 4), (4, 3), (4, 6)), "post_relu"),
        published=keras(25_613_800, 76.0, 93.0),
        # 6.974 billion, each multiply-add as two, without the classifier.
        operations=Operations(3.487e9, "tensorflow.contrib.receptive_field, resnet_v2_50 at 224"),
        weights=weights(f"resnet/resnet50v2_{_KERNELS}", "fac2f116257151a9d068a22e544a4917"),
    ),
    Backbone(
        name="inceptionv3",
        constructor="InceptionV3",
        family="Inception",
        year=2015,
        paper="Szegedy et al. 2015, arXiv 1512.00567",
        size=299,
        scaling=TF,
        cam_layer="mixed10",
        feature_layers=("mixed2", "mixed4", "mixed7", "mixed8", "mixed10"),
        published=keras(23_851_784, 77.9, 93.7),
        operations=Operations(5.713e9, VISION),
        course=course(11_200_000, 74.8, 92.2),
        weights=weights(
            f"inception_v3/inception_v3_{_KERNELS}", "bcbd6486424b2319ff4ef7d526e38f63"
        ),
    ),
    Backbone(
        name="xception",
        constructor="Xception",
        family="Xception",
        year=2016,
        paper="Chollet 2016, arXiv 1610.02357",
        size=299,
        scaling=TF,
        cam_layer="block14_sepconv2_act",
        feature_layers=(
            "block3_sepconv2_act",
            "block4_sepconv2_act",
            "block13_sepconv2_act",
            "block14_sepconv1_act",
            "block14_sepconv2_act",
        ),
        published=keras(22_910_480, 79.0, 94.5),
        operations=Operations(8.4e9, "timm results, legacy_xception at 299"),
        weights=weights(f"xception/xception_{_KERNELS}", "b0042744bf5b25fce3cb969f33bebb97"),
    ),
    Backbone(
        name="densenet121",
        constructor="DenseNet121",
        family="DenseNet",
        year=2016,
        paper="Huang et al. 2016, arXiv 1608.06993",
        size=224,
        scaling=TORCH,
        cam_layer="relu",
        feature_layers=("pool2_pool", "pool3_pool", "pool4_pool", "conv5_block8_concat", "relu"),
        published=keras(8_062_504, 75.0, 92.3),
        operations=Operations(2.834e9, VISION),
        weights=weights(f"densenet/densenet121_{_KERNELS}", "30ee3e1110167f948a6b9946edeeb738"),
    ),
    Backbone(
        name="vgg16",
        constructor="VGG16",
        family="VGG",
        year=2014,
        paper=_VGG,
        size=224,
        scaling=CAFFE,
        cam_layer="block5_pool",
        feature_layers=("block2_pool", "block3_pool", "block4_pool", "block5_conv2", "block5_pool"),
        published=keras(138_357_544, 71.3, 90.1),
        operations=Operations(15.47e9, VISION),
        course=course(138_000_000, 74.4, 91.9),
        weights=weights(f"vgg16/vgg16_{_KERNELS}", "6d6bbae143d832006294945121d1f1fc"),
    ),
    Backbone(
        name="vgg19",
        constructor="VGG19",
        family="VGG",
        year=2014,
        paper=_VGG,
        size=224,
        scaling=CAFFE,
        cam_layer="block5_pool",
        feature_layers=("block2_pool", "block3_pool", "block4_pool", "block5_conv2", "block5_pool"),
        published=keras(143_667_240, 71.3, 90.0),
        operations=Operations(19.632e9, VISION),
        weights=weights(f"vgg19/vgg19_{_KERNELS}", "253f8cb515780f3b799900260a226db6"),
    ),
)
