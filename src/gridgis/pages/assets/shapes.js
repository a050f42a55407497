/* Where cells are: their boxes, a raster of bins to find them by, which cell a point lies in, and coarser outlines. */
(function () {
"use strict";
var WORLD = gridgis.WORLD, LARGE = 64;

/* Call act(arc, reversed) for each arc of a cell, ring by ring; ring(): before each ring. */
function eachArc(model, cell, act, ring) {
  for (var r = model.ringAt[cell]; r < model.ringAt[cell + 1]; r++) {
    if (ring) { ring(); }
    for (var i = model.refAt[r]; i < model.refAt[r + 1]; i++) { act(model.refs[i] >> 1, model.refs[i] & 1); }
  }
}

function boxes(model) {
  var box = new Int32Array(4 * model.count), x = model.x, y = model.y, sides = 0;
  for (var cell = 0; cell < model.count; cell++) {
    var west = WORLD, north = WORLD, east = 0, south = 0;
    for (var i = model.refAt[model.ringAt[cell]]; i < model.refAt[model.ringAt[cell + 1]]; i++) {
      var arc = model.refs[i] >> 1;
      for (var p = model.arcAt[arc]; p < model.arcAt[arc + 1]; p++) {
        if (x[p] < west) { west = x[p]; }
        if (x[p] > east) { east = x[p]; }
        if (y[p] < north) { north = y[p]; }
        if (y[p] > south) { south = y[p]; }
      }
    }
    box.set([west, north, east, south], 4 * cell);
    sides += Math.sqrt((east - west) * (south - north));
  }
  model.box = box;
  model.side = sides / model.count;
}

/* Which bins of the raster a box touches: first and last column, first and last row. */
function reach(bins, west, north, east, south) {
  function column(value) { return Math.min(Math.max(Math.floor((value - bins.west) / bins.size), 0), bins.columns - 1); }
  function row(value) { return Math.min(Math.max(Math.floor((value - bins.north) / bins.size), 0), bins.rows - 1); }
  return [column(west), column(east), row(north), row(south)];
}

/* Cells by bins; cells over very many bins stand in a list of their own. */
function index(model) {
  var box = model.box, west = WORLD, north = WORLD, east = 0, south = 0, i, c, r, span;
  for (i = 0; i < model.count; i++) {
    west = Math.min(west, box[4 * i]);
    north = Math.min(north, box[4 * i + 1]);
    east = Math.max(east, box[4 * i + 2]);
    south = Math.max(south, box[4 * i + 3]);
  }
  var size = Math.max(2 * model.side, Math.sqrt((east - west + 1) * (south - north + 1) / (model.count + 16)), 1);
  var bins = { west: west, north: north, size: size };
  bins.columns = Math.min(Math.floor((east - west) / size) + 1, 4096);
  bins.rows = Math.min(Math.floor((south - north) / size) + 1, 4096);
  bins.size = Math.max((east - west + 1) / bins.columns, (south - north + 1) / bins.rows, size);
  var at = bins.at = new Int32Array(bins.columns * bins.rows + 1), large = [];
  function each(cell, act) {
    span = reach(bins, box[4 * cell], box[4 * cell + 1], box[4 * cell + 2], box[4 * cell + 3]);
    if ((span[1] - span[0] + 1) * (span[3] - span[2] + 1) > LARGE) { return false; }
    for (r = span[2]; r <= span[3]; r++) {
      for (c = span[0]; c <= span[1]; c++) { act(r * bins.columns + c); }
    }
    return true;
  }
  for (i = 0; i < model.count; i++) {
    if (!each(i, function (bin) { at[bin + 1]++; })) { large.push(i); }
  }
  for (i = 1; i < at.length; i++) { at[i] += at[i - 1]; }
  var next = at.slice(), items = bins.items = new Int32Array(at[at.length - 1]);
  function put(bin) { items[next[bin]++] = i; }
  for (i = 0; i < model.count; i++) { each(i, put); }
  bins.large = large;
  model.bins = bins;
  model.seen = new Int32Array(model.count);
  model.round = 0;
}

/* The cells whose boxes touch a box, by number. */
function within(model, west, north, east, south) {
  var bins = model.bins, box = model.box, found = [], round = ++model.round;
  function look(cell) {
    if (model.seen[cell] === round) { return; }
    model.seen[cell] = round;
    if (box[4 * cell] <= east && box[4 * cell + 2] >= west && box[4 * cell + 1] <= south && box[4 * cell + 3] >= north) {
      found.push(cell);
    }
  }
  var span = reach(bins, west, north, east, south);
  for (var r = span[2]; r <= span[3]; r++) {
    for (var c = span[0]; c <= span[1]; c++) {
      var bin = r * bins.columns + c;
      for (var i = bins.at[bin]; i < bins.at[bin + 1]; i++) { look(bins.items[i]); }
    }
  }
  bins.large.forEach(look);
  return found.sort(function (a, b) { return a - b; });
}

/* Whether a point lies in a cell, by how often the outline winds round it; exact for the corners of the model. */
function inside(model, cell, px, py) {
  var winding = 0, x = model.x, y = model.y;
  eachArc(model, cell, function (arc, reversed) {
    var first = model.arcAt[arc], last = model.arcAt[arc + 1] - 1, sum = 0;
    for (var p = first; p < last; p++) {
      if (y[p] <= py !== y[p + 1] <= py) {
        var side = (x[p + 1] - x[p]) * (py - y[p]) - (px - x[p]) * (y[p + 1] - y[p]);
        if (y[p] <= py && side > 0) { sum++; }
        if (y[p] > py && side < 0) { sum--; }
      }
    }
    winding += reversed ? -sum : sum;
  });
  return winding !== 0;
}

/* The cell at a point, the last where several lie over each other; -1 for none. */
function hit(model, px, py) {
  var found = within(model, px, py, px, py);
  for (var i = found.length - 1; i >= 0; i--) {
    if (inside(model, found[i], px, py)) { return found[i]; }
  }
  return -1;
}

/* For each arc the cell that brought it, and whether it parts parents. An arc of one cell alone is the rim of its
   parent, unless another cell of that parent lies right behind it: not all covers are matched edge by edge. */
function borders(model) {
  var arcs = model.arcAt.length - 1, one = new Int32Array(arcs).fill(-1), two = new Int32Array(arcs).fill(-1);
  for (var cell = 0; cell < model.count; cell++) {
    eachArc(model, cell, function (arc) {
      if (one[arc] < 0) { one[arc] = cell; } else { two[arc] = cell; }
    });
  }
  model.cellOf = one;
  model.rim = new Uint8Array(arcs);
  for (var arc = 0; arc < arcs; arc++) {
    var parent = model.parentOf[one[arc]];
    model.rim[arc] = two[arc] < 0 ? behind(model, arc, one[arc], parent) : model.parentOf[two[arc]] !== parent;
  }
}

function behind(model, arc, cell, parent) {
  var p = (model.arcAt[arc] + model.arcAt[arc + 1] - 2) >> 1, q = p + 1;
  var dx = model.x[q] - model.x[p], dy = model.y[q] - model.y[p], length = Math.sqrt(dx * dx + dy * dy) || 1;
  var x = (model.x[p] + model.x[q]) / 2, y = (model.y[p] + model.y[q]) / 2, away = 12;
  for (var side = -1; side <= 1; side += 2) {
    var other = hit(model, x - side * away * dy / length, y + side * away * dx / length);
    if (other >= 0 && other !== cell && model.parentOf[other] === parent) { return 0; }
  }
  return 1;
}

/* Outlines for a zoom: an arc keeps its ends, and of the corners between only those a pixel from the one before.
   Neighbours share their arcs, so what is left out is left out on both sides. */
function level(model, zoom, ratio) {
  var step = Math.ceil(zoom), key = step + "/" + ratio, kept = model.levels[key];
  if (kept) { return kept; }
  var least = WORLD / (256 * Math.pow(2, step) * ratio), limit = least * least, x = model.x, y = model.y, arcAt = model.arcAt;
  var nx = new Int32Array(x.length), ny = new Int32Array(x.length), at = new Int32Array(arcAt.length), n = 0;
  for (var arc = 0; arc + 1 < arcAt.length; arc++) {
    var first = arcAt[arc], last = arcAt[arc + 1] - 1, lastX = x[first], lastY = y[first];
    nx[n] = lastX;
    ny[n++] = lastY;
    for (var p = first + 1; p < last; p++) {
      var dx = x[p] - lastX, dy = y[p] - lastY;
      if (dx * dx + dy * dy >= limit) {
        nx[n] = lastX = x[p];
        ny[n++] = lastY = y[p];
      }
    }
    nx[n] = x[last];
    ny[n++] = y[last];
    at[arc + 1] = n;
  }
  var nearAll = n > 0.8 * x.length;
  kept = nearAll ? { x: x, y: y, at: arcAt } : { x: nx.slice(0, n), y: ny.slice(0, n), at: at };
  model.levels[key] = kept;
  return kept;
}

gridgis.place = function (model) {
  model.levels = {};
  boxes(model);
  index(model);
  borders(model);
  return model;
};
gridgis.eachArc = eachArc;
gridgis.within = within;
gridgis.hit = hit;
gridgis.level = level;
})();
