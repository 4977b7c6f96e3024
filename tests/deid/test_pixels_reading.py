"""How text is looked for: everywhere, in close lines, and never taken for what it is not."""

import itertools

import cv2
import numpy as np
import pytest

from sharing.deid.pixels import reader, reading
from tests.deid import painting as p


@pytest.mark.parametrize("length", [40, 1280, 1281, 2500, 4000, 9000])
def test_tiles_cover_a_length_and_overlap_by_a_line(length):
    parts = reading.spread(length)
    assert parts[0][0] == 0
    assert parts[-1][0] + parts[-1][1] == length
    assert all(part <= reading.TILE for _, part in parts)
    for (begin, part), (after, _) in itertools.pairwise(parts):
        assert begin + part - after >= reading.OVERLAP


def test_text_between_the_tiles_of_a_large_picture_is_found():
    picture = np.full((700, 2400), 40, np.uint8)
    edge = reading.spread(4800)[1][0] // 2
    text = "DOE JANE 1964"
    cv2.putText(picture, text, (edge - 60, 300), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 230, 1, cv2.LINE_AA)
    found = [piece for piece in reader.find(picture) if piece.counts]
    covered = np.zeros(picture.shape, bool)
    for piece in found:
        x, y, width, height = piece.box
        covered[y : y + height, x : x + width] = True
    assert covered[picture > 200].mean() > 0.95


def test_lines_that_stand_close_are_all_found():
    picture = np.zeros((160, 200), np.uint8)
    for number, text in enumerate(("Adult Echo", "S5-1", "64%", "C 50", "P Low", "HPen")):
        place = (8, 24 + 22 * number)
        cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.55, 240, 1, cv2.LINE_AA)
    covered = np.zeros(picture.shape, bool)
    for piece in reader.find(picture):
        x, y, width, height = piece.box
        covered[y : y + height, max(0, x - 4) : x + width + 4] = piece.counts
    lines = [slice(8 + 22 * number, 28 + 22 * number) for number in range(6)]
    assert all(covered[line][picture[line] > 120].mean() > 0.9 for line in lines)


def test_text_that_is_turned_is_found():
    turned = np.ascontiguousarray(np.rot90(p.gray()))
    assert any(piece.counts for piece in reader.find(turned))


def test_coloured_text_as_bright_as_what_is_behind_is_found():
    picture = np.full((96, 256, 3), (90, 90, 90), np.uint8)
    place, font = (30, 50), cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(picture, "DOE JANE 1964", place, font, 0.7, (200, 60, 40), 1, cv2.LINE_AA)
    assert any(piece.counts for piece in reader.find(picture))


def test_text_outside_of_the_images_own_window_is_found():
    windowed = np.full((96, 256), 255, np.uint8)  # all of it is white in the window
    whole = np.full((96, 256), 120, np.uint8)
    cv2.putText(
        whole, "DOE JANE 1964", (30, 50), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 250, 1, cv2.LINE_AA
    )
    assert any(piece.counts for piece in reader.find(np.dstack((windowed, whole))))


def test_a_single_letter_stays_for_it_is_the_mark_of_a_side():
    picture = np.zeros((128, 128), np.uint8)
    cv2.putText(picture, "L", (50, 80), cv2.FONT_HERSHEY_SIMPLEX, 1.2, 255, 2, cv2.LINE_AA)
    assert reader.find(picture) == []


def test_a_box_around_an_organ_does_not_swallow_the_line_on_it():
    organ, line = ((10, 10, 300, 280), 0.97), ((60, 100, 120, 14), 0.8)
    assert len(reading.united([organ, line])) == 2


def test_boxes_of_one_line_from_several_views_become_one():
    ((box, score, parts),) = reading.united(
        [((10, 10, 100, 16), 0.9), ((14, 9, 120, 20), 0.7), ((90, 11, 60, 15), 0.8)]
    )
    assert box == (10, 9, 140, 20)
    assert score == 0.9
    assert len(parts) == 3


@pytest.mark.parametrize(
    ("text", "confidence", "height", "counts", "perhaps"),
    [
        ("DOE JANE", 0.7, 14, True, True),
        ("DOE JANE", 0.4, 14, False, True),
        ("71", 0.66, 14, False, True),
        ("71", 0.66, 215, False, False),
        ("DOE JANE", 0.93, 100, True, True),
        ("L", 0.99, 14, False, False),
        ("--", 0.99, 14, False, False),
    ],
    ids=["read", "unsure", "short", "tall-short", "tall", "single", "no-letter"],
)
def test_few_and_tall_letters_need_more_confidence(text, confidence, height, counts, perhaps):
    found = reading.Found((0, 0, 300, height), 0.9, text, confidence)
    assert (found.counts, found.perhaps) == (counts, perhaps)
