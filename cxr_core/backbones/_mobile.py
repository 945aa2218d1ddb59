"""MobileNet, its successors, and NASNetMobile: made for phones."""

from __future__ import annotations

from cxr_core.backbones._row import Backbone, Figures, LastStride, Operations
from cxr_core.backbones._source import INSIDE, TF, course, keras, weights

# Keras' own table leaves MobileNetV3 out; its source gives top-1, and timm's results the
# parameters of the same weights.
_V3 = "top-1: keras.applications.mobilenet_v3; parameters: timm results, tf_mobilenetv3"

MOBILE: tuple[Backbone, ...] = (
    Backbone(
        name="mobilenet",
        constructor="MobileNet",
        family="MobileNet",
        year=2017,
        paper="Howard et al. 2017, arXiv 1704.04861",
        size=224,
        scaling=TF,
        cam_layer="conv_pw_13_relu",
        feature_layers=(
            "conv_pw_3_relu",
            "conv_pw_5_relu",
            "conv_pw_11_relu",
            "conv_pw_13_relu",
        ),
        published=keras(4_253_864, 70.4, 89.5),
        operations=Operations(569e6, "Howard et al. 2017, table 4"),
        course=course(2_300_000, 71.0, 90.5),
        weights=weights("mobilenet/mobilenet_1_0_224_tf_no_top.h5"),
    ),
    Backbone(
        name="mobilenetv2",
        constructor="MobileNetV2",
        family="MobileNet",
        year=2018,
        paper="Sandler et al. 2018, arXiv 1801.04381",
        size=224,
        scaling=TF,
        cam_layer="out_relu",
        feature_layers=(
            "block_5_add",
            "block_9_add",
            "block_12_add",
            "block_15_add",
            "out_relu",
        ),
        published=keras(3_538_984, 71.3, 90.1),
        operations=Operations(300e6, "Sandler et al. 2018, table 4"),
        weights=weights(
            "mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"
        ),
        last_stride=LastStride(
            convolution="block_13_depthwise",
            padding="block_13_pad",
            after=("block_14_depthwise", "block_15_depthwise", "block_16_depthwise"),
        ),
    ),
    Backbone(
        name="mobilenetv3small",
        constructor="MobileNetV3Small",
        family="MobileNet",
        year=2019,
        paper="Howard et al. 2019, arXiv 1905.02244",
        size=224,
        scaling=INSIDE,
        cam_layer="last_activation",
        feature_layers=(
            "expanded_conv_2_add",
            "expanded_conv_5_add",
            "expanded_conv_7_add",
            "expanded_conv_10_add",
            "last_activation",
        ),
        published=Figures(2_540_000, 68.1, None, _V3),
        operations=Operations(56e6, "Howard et al. 2019, table 3"),
        weights=weights(
            "mobilenet_v3/weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5",
            "d3e8ec802a04aa4fc771ee12a9a9b836",
        ),
    ),
    Backbone(
        name="mobilenetv3large",
        constructor="MobileNetV3Large",
        family="MobileNet",
        year=2019,
        paper="Howard et al. 2019, arXiv 1905.02244",
        size=224,
        scaling=INSIDE,
        cam_layer="last_activation",
        feature_layers=(
            "expanded_conv_2_add",
            "expanded_conv_5_add",
            "expanded_conv_9_add",
            "expanded_conv_11_add",
            "last_activation",
        ),
        published=Figures(5_480_000, 75.6, None, _V3),
        operations=Operations(217e6, "keras.applications.mobilenet_v3"),
        weights=weights(
            "mobilenet_v3/weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5",
            "07fb09a5933dd0c8eaafa16978110389",
        ),
    ),
    Backbone(
        name="nasnetmobile",
        constructor="NASNetMobile",
        family="NASNet",
        year=2018,
        paper="Zoph et al. 2017, arXiv 1707.07012",
        size=224,
        scaling=TF,
        cam_layer="last_activation",
        feature_layers=(
            "normal_concat_3",
            "normal_concat_8",
            "normal_concat_12",
            "last_activation",
        ),
        published=keras(5_326_716, 74.4, 91.9),
        operations=Operations(564e6, "Zoph et al. 2017, table 3"),
        weights=weights("nasnet/NASNet-mobile-no-top.h5", "1ed92395b5b598bdda52abe5c0dbfd63"),
    ),
)
