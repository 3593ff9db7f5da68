"""How a hole is painted: view by view, each seen by the network and faded into what those before it painted."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from facemend.backends import Backend, MaskedView
from facemend.imaging import Floats, Hole, Layout, Pixels
from facemend.photo import framing
from facemend.photo.coloring import calm_colors
from facemend.photo.fading import find_levels
from facemend.photo.framing import Window
from facemend.photo.joining import RIM, fade_in, fading
from facemend.photo.network_view import NetworkView
from facemend.photo.planning import View
from facemend.photo.renaming import without_faces
from facemend.photo.residuals import carry_residuals
from facemend.photo.sharpness import match_sharpness
from facemend.photo.toning import Tones, measure_face_tones, measure_tones


@dataclass(frozen=True)
class Task:
    """What one view paints: the same in every variant."""

    view: View
    own: Hole  # [h, w] of the view's region: what it alone decides
    rim: tuple[NDArray[np.int64], NDArray[np.int64]]  # rows and columns of what it shares with the views before it
    rim_shares: Floats  # how much it decides there
    tones: Tones | None  # those its colours go by

    @property
    def share(self) -> Floats:
        """How much the view decides at each pixel of its region, [h, w] in [0, 1]."""
        share = self.own.astype(np.float32)
        share[self.rim] = self.rim_shares
        return share


def share_out(rgb: Pixels, unknown: Hole, wanted: Hole, views: list[View]) -> list[Task]:
    """Say what each view paints once those before it have; no latent has a say in that.

    Args:
        rgb: the photo, uint8 [H, W, 3].
        unknown: bool [H, W], what of it is not known.
        wanted: bool [H, W], what of that is to be painted.
        views: in the order of their runs.
    """
    tones_of_all = measure_tones(rgb, ~unknown)
    rest, smallest = unknown.copy(), math.inf
    tasks: list[Task] = []
    for view in views:
        smallest = min(smallest, view.window.side)
        damaged, left = wanted[view.region], rest[view.region]
        own, mended = damaged & view.area, damaged & ~left & view.window.inside(view.region)
        share = fading(own, mended, RIM * smallest)
        rim = np.nonzero((share > 0) & ~own)
        # A face's colours go by its own surroundings, if they tell, all others by the whole photo.
        tones = (None if view.beside else measure_face_tones(rgb, unknown, view.window)) or tones_of_all
        tasks.append(Task(view, own, (rim[0], rim[1]), share[rim], tones))
        left &= share == 0
    return tasks


@dataclass(frozen=True)
class Painter:
    """A network at work on one variant of a photo."""

    backend: Backend
    latent: Floats  # [Z]
    on_run: Callable[[], None]  # called before each run of the network
    layout: Layout | None = None  # class ids [H, W] to paint by

    def paint(self, rgb: Pixels, unknown: Hole, tasks: list[Task]) -> tuple[Pixels, Layout]:
        """Fill a photo, uint8 [H, W, 3], of which some is unknown, bool [H, W], view by view.

        Returns:
            The photo, and the class ids of what was painted, uint8 [H, W]: background beyond the views.
        """
        painted, rest = rgb.copy(), unknown.copy()
        ids: Layout = np.zeros(unknown.shape, np.uint8)
        for task in tasks:
            view, share = task.view, task.share
            photo, left, wanted = painted[view.region], rest[view.region], share > 0
            left |= wanted
            seen = self.see(painted, rest, view)
            soft = framing.unview_photo(seen.softened(), seen.window, view.region)
            detailed = carry_residuals(photo, left, wanted, soft, seen, region=view.region)
            fade_in(photo, task.tones.match(detailed, wanted) if task.tones else detailed, share)
            left &= ~wanted
            write_ids(ids, seen, view)
        return painted, ids

    def see(self, rgb: Pixels, hole: Hole, view: View) -> NetworkView:
        """Run the network on one view; its fill is made no sharper than the photo.

        Beside all faces its colours glitter, and are calmed. If it dreams up a face there, it runs again, told of neck and cloth.
        """
        given = None if self.layout is None else framing.view_layout(self.layout, view.window)
        seen = self.run(rgb, hole, view.window, given, unfade=not view.beside)
        if not view.beside:
            return replace(seen, completed=match_sharpness(seen.completed, seen.unknown, seen.person()))
        if given is None and (renamed := without_faces(seen.ids(), seen.unknown[0] > 0)) is not None:
            seen = self.run(rgb, hole, view.window, renamed)
        calm = calm_colors(seen.completed, seen.unknown)
        return replace(seen, completed=match_sharpness(calm, seen.unknown))

    def run(self, rgb: Pixels, hole: Hole, window: Window, layout: Layout | None = None, *, unfade: bool = False) -> NetworkView:
        """Run the network on one window of a photo; the layout, if one is given, is that of the view, [S, S].

        With `unfade` it sees a faded face in full contrast; a wall, which is no face, is plain rather than faded.
        """
        self.on_run()
        image, mask = framing.view_photo(rgb, hole, window)
        levels = find_levels(image, mask) if unfade else None
        shown = image if levels is None else levels.spread(image, mask)
        (painted,) = self.backend([MaskedView(shown, mask, self.latent, layout)])
        completed = painted.completed if levels is None else levels.fade(painted.completed, image, mask)
        return NetworkView(window, completed, mask, painted.scores, painted.layout)


def write_ids(layout: Layout, seen: NetworkView, view: View) -> None:
    """Write the class ids that a view shows into the part of a photo's layout, uint8 [H, W], that is its own."""
    layout[view.region][view.area] = framing.unview_layout(seen.ids(), seen.window, view.region)[view.area]
