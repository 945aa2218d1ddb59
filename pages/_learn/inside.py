"""Inside a film: feature maps, filters, what one unit sees, and a transformer's attention."""

from __future__ import annotations

from typing import Any

import streamlit as st

from cxr_core import figures
from pages._learn import film, network, room, show
from pages._learn.film import Shown

PARTS = ("Feature maps", "Filters", "What a unit sees", "Vision transformer")


def page() -> None:
    """One part at a time."""
    part = st.segmented_control(
        "Part", PARTS, default=PARTS[0], required=True, key="learn_inside_part",
        label_visibility="collapsed",
    )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="bottom"):
        shown = film.choose("inside")
        source = "zoo:vit_b16" if part == PARTS[3] else network.choose("inside")
        known = None if part == PARTS[3] else network.layers(source)
        name = None
        if known is not None:
            what = {"Filters": "filters", "Feature maps": "output"}.get(part, "maps")
            name = network.layer(known, source, "inside", what, _start(known, part))
    if shown is None:
        st.info("Choose or drop a film.", icon=":material/upload:")
    elif part == PARTS[3]:
        _transformer(shown)
    elif known is not None and name is not None:
        _untrained(source)
        {"Feature maps": _maps, "Filters": _filters, "What a unit sees": _field}[part](
            shown, source, name
        )


def _start(known: dict[str, Any], part: str) -> str:
    """Where a part begins: early layers still look like the film; units in the middle see parts."""
    found = [row["name"] for row in known["layers"] if row["maps"]]
    convolution = next(row["name"] for row in known["layers"] if row["filters"])
    return found[len(found) // 3] if part == "What a unit sees" else convolution


def _untrained(source: str) -> None:
    if source.startswith("zoo:"):
        st.warning(
            "This network has learnt nothing: its weights are random.", icon=":material/casino:"
        )


def _maps(shown: Shown, source: str, name: str) -> None:
    answer = room.ask("maps", shown, source=source, layer=name, say="Reading the layer")
    if answer is None:
        return
    maps, numbers = answer.arrays["maps"], answer.arrays["numbers"]
    count, silent = answer.values["count"], answer.values["silent"]
    if maps.shape[1:] == (1, 1):
        _vector(name, maps[:, 0, 0], silent)
        return
    st.markdown(
        f"#### {count} maps of {maps.shape[2]}×{maps.shape[1]}"
        + (f", {silent} of them silent on this film" if silent else "")
        + (f"; the {len(maps)} that vary most" if count > len(maps) else "")
    )
    labels = [str(n) for n in numbers]
    grid, one = st.columns([1.5, 1], gap="medium")
    with one:
        chosen = st.selectbox(
            "Enlarge map", range(len(labels)), format_func=labels.__getitem__,
            key=f"learn_map_{name}", width=200,
        )  # fmt: skip
        show.chart(
            figures.picture(answer.arrays["image"], overlay=maps[chosen], signed=True, height=520,
                            title=f"map {labels[chosen]} over the film"),
            "learn_map", "feature-map", f"Map {labels[chosen]} of layer {name} over the film.",
        )  # fmt: skip
        st.caption("Orange: the unit responds; blue: negative. Scaled to the map's largest value.")
    with grid:
        show.chart(
            figures.tiles(maps, labels, chosen=chosen, height=620), "learn_maps", "feature-maps",
            f"{len(maps)} feature maps of layer {name}.", show.ZOOM,
        )  # fmt: skip
        st.caption("Each map from its own darkest to its own brightest. Wheel to enlarge.")


def _vector(name: str, values: Any, silent: int) -> None:
    st.markdown(
        f"#### {len(values):,} number{'s' if len(values) > 1 else ''}, without rows and columns"
        + (f"; {silent:,} of them 0 on this film" if silent else "")
    )
    show.chart(
        figures.vector(values), "learn_vector", "layer-numbers",
        f"What each of the {len(values)} units of layer {name} says.",
    )  # fmt: skip


def _filters(shown: Shown, source: str, name: str) -> None:
    answer = room.ask("filters", source=source, layer=name, say="Reading the filters")
    if answer is None:
        return
    kernels = answer.arrays["filters"]
    size = f"{kernels.shape[2]}×{kernels.shape[1]}"
    st.markdown(
        f"#### {answer.values['count']} filters of {size}"
        + (f"; the first {len(kernels)}" if answer.values["count"] > len(kernels) else "")
    )
    if kernels.shape[1:] == (1, 1):
        st.info("1×1 filters look at one place only: they mix maps and have no shape to see.")
    colour = kernels.ndim == 4
    grid, one = st.columns([1.5, 1], gap="medium")
    with one:
        chosen = st.selectbox(
            "Enlarge filter", range(len(kernels)), key=f"learn_filter_{name}", width=200
        )
        show.chart(
            figures.kernel(kernels[chosen].sum(axis=-1) if colour else kernels[chosen]),
            "learn_filter", "filter", f"Filter {chosen} of layer {name}, its weights as numbers.",
        )  # fmt: skip
        st.caption("Summed over the maps that it reads.")
    with grid:
        show.chart(
            figures.tiles(
                kernels, [str(i) for i in range(len(kernels))], signed=True, chosen=chosen,
                height=620,
            ),
            "learn_filters", "filters", f"Filters of layer {name}.", show.ZOOM,
        )  # fmt: skip
        st.caption(
            "Mid grey is zero; red, green and blue as it reads them. Wheel to enlarge."
            if colour
            else "Mid grey is zero. Summed over the maps that each filter reads. Wheel to enlarge."
        )


def _field(shown: Shown, source: str, name: str) -> None:
    first = room.ask("field", shown, source=source, layer=name, say="Following the unit back")
    if first is None:
        return
    rows, columns = first.values["units"]
    picture, words = st.columns([1.5, 1], gap="medium")
    with words:
        row = _place("Row", rows, name)
        column = _place("Column", columns, name)
    answer = room.ask("field", shown, source=source, layer=name, row=row, column=column)
    if answer is None:
        return
    found = answer.values
    image = answer.arrays["image"]
    high, wide = found["size"]
    with words:
        if found["whole"]:
            st.markdown("### A unit of this layer sees the whole film.")
        else:
            share = 100 * min(1.0, high * wide / (image.shape[0] * image.shape[1]))
            film_share = f"{share:.0f} %" if share >= 1 else "less than 1 %"
            st.markdown(f"### A unit of this layer sees {wide}×{high} pixels")
            st.markdown(
                f"#### {100 * min(1.0, wide / image.shape[1]):.0f} % of the width, "
                f"{film_share} of the film; its neighbour looks {found['jump']} "
                f"pixel{'s' if found['jump'] > 1 else ''} further."
            )
            st.markdown("Worked out from kernels, strides and paddings. The middle of the box "
                        "counts far more than its edge.")  # fmt: skip
    with picture:
        show.chart(
            figures.picture(image, box=found["box"], height=600), "learn_field",
            "receptive-field", f"The pixels that unit {row}, {column} of {name} sees.",
        )  # fmt: skip


def _place(word: str, count: int, name: str) -> int:
    if count < 2:
        return 0
    return st.slider(
        f"{word} of the unit", 0, count - 1, count // 2, key=f"learn_unit_{word}_{name}_{count}"
    )


def _transformer(shown: Shown) -> None:
    st.warning(
        "No trained vision transformer is at hand: the weights are random. What you see is how it "
        "works, not what it knows.",
        icon=":material/casino:",
    )
    answer = room.ask("attention", shown, say="Cutting the film into words")
    if answer is None:
        return
    arrays = answer.arrays
    cut, place, look = st.columns(3, gap="medium")
    with cut:
        patches = arrays["patches"]
        flat = patches.reshape(-1, *patches.shape[2:]).astype("float32") / 255
        st.markdown("#### 196 patches of 16×16")
        show.chart(
            figures.tiles(flat, [], columns=patches.shape[1], common=True, height=430),
            "learn_patches", "vit-patches", "The film cut into 14 by 14 patches.", show.ZOOM,
        )  # fmt: skip
        st.caption("Each becomes a vector of 768; a class token comes in front: 197 words.")
    with place:
        st.markdown("#### Likeness of places")
        r = st.slider("Patch, row", 0, 13, 6, key="learn_vit_row")
        c = st.slider("Patch, column", 0, 13, 6, key="learn_vit_column")
        show.chart(
            figures.picture(arrays["image"], overlay=arrays["positions"][r, c], signed=True,
                            mark=(16 * r + 8, 16 * c + 8), height=330),
            "learn_places", "vit-places",
            f"Cosine of the place of patch {r}, {c} with every other.",
        )  # fmt: skip
        st.caption("Cosine with the marked patch. Trained, neighbours are alike; here nothing is.")
    with look:
        st.markdown("#### What the class token attends to")
        layers = arrays["class_token"].shape[0]
        at = st.slider("Layer", 1, layers, 1, key="learn_vit_layer")
        head = st.selectbox(
            "Head", ["all layers together (rollout)", *range(1, 13)], key="learn_vit_head"
        )
        values = (
            arrays["rollout"] if isinstance(head, str) else arrays["class_token"][at - 1, head - 1]
        )
        show.chart(
            figures.picture(arrays["image"], overlay=values - values.min(), height=330),
            "learn_attention", "vit-attention", f"Attention of the class token, {head}.",
        )  # fmt: skip
        low, high = 100 * values.min(), 100 * values.max()
        st.caption(f"From {low:.2f} % to {high:.2f} % a patch; even attention would be 0.51 %.")
