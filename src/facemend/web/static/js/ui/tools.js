/** The tools: each begins at a photo position, moves through more of them, and ends or is called off. */

import { capsule, polygon, rectangle } from '../core/shapes.js';
import { regionAt } from '../core/region.js';

export const TOOLS = {
  brush: { icon: 'brush', key: 'B', ring: true },
  eraser: { icon: 'eraser', key: 'E', ring: true },
  lasso: { icon: 'lasso', key: 'L' },
  rectangle: { icon: 'rectangle', key: 'R' },
  bucket: { icon: 'bucket', key: 'G', views: ['layout'] },
  hand: { icon: 'hand', key: 'H' },
};

/** Begin the current tool; returns `{move(points), end(), cancel()}`. A point is `{x, y, pressure}`. */
export function begin(studio, guides, point, erase) {
  const { tool, subtract } = studio.state;
  if (tool === 'brush' || tool === 'eraser') return stroke(studio, point, erase || tool === 'eraser');
  if (tool === 'bucket') return fill(studio, point, erase);
  return outline(studio, guides, point, tool, erase || subtract);
}

function stroke({ painting, state }, first, erase) {
  const edit = painting.beginEdit(erase);
  const { brushSize, softness, view } = state;
  const radiusAt = ({ pressure }) => (brushSize / 2) * pressure;
  let last = first;
  const draw = (point) => {
    painting.cover(edit, capsule(last.x, last.y, point.x, point.y, radiusAt(point), view === 'layout' ? 0 : softness));
    last = point;
  };
  draw(first);
  return {
    move(points) {
      const spacing = Math.max(0.5, brushSize / 16); // closer points change nothing that can be seen
      points.forEach((point, i) => {
        const far = Math.hypot(point.x - last.x, point.y - last.y) >= spacing;
        if (far || i === points.length - 1) draw(point);
      });
    },
    end: () => painting.finish(edit),
    cancel: () => painting.revert(edit),
  };
}

function outline({ painting }, guides, first, tool, erase) {
  const points = [[first.x, first.y]];
  const corners = () => {
    const [[x0, y0]] = points;
    const [x1, y1] = points.at(-1);
    return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];
  };
  const isBox = tool === 'rectangle';
  return {
    move(more) {
      points.push(...more.map(({ x, y }) => [x, y]));
      guides.showLine(isBox ? corners() : points, isBox);
    },
    end() {
      guides.showLine([]);
      if (points.length < 2) return;
      const edit = painting.beginEdit(erase);
      const [[x0, y0]] = points;
      painting.cover(edit, isBox ? rectangle(x0, y0, ...points.at(-1)) : polygon(points, painting.layer.bounds));
      painting.finish(edit);
    },
    cancel: () => guides.showLine([]),
  };
}

function fill({ painting }, { x, y }, erase) {
  const { width, height } = painting.layer;
  const [column, row] = [Math.floor(x), Math.floor(y)];
  const inside = column >= 0 && row >= 0 && column < width && row < height;
  return {
    move() {},
    end() {
      if (!inside) return;
      const edit = painting.beginEdit(erase);
      painting.cover(edit, regionAt(painting.layer, column, row));
      painting.finish(edit);
    },
    cancel() {},
  };
}
