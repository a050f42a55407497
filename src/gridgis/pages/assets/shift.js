/* Tiles in GCJ-02, each put where it belongs in WGS 84: its two corners are shifted back. Data stay where they are. */
var gridgisShifted = (function () {
"use strict";
var AXIS = 6378245, SQUARED = 0.00669342162296594323, PI = Math.PI;

function wave(t) { return (20 * Math.sin(6 * t * PI) + 20 * Math.sin(2 * t * PI)) * 2 / 3; }

function forward(lon, lat) {
  if (lon < 72.004 || lon > 137.8347 || lat < 0.8293 || lat > 55.8271) { return [lon, lat]; }
  var x = lon - 105, y = lat - 35, sin = Math.sin;
  var north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * Math.sqrt(Math.abs(x)) + wave(x);
  north += (20 * sin(y * PI) + 40 * sin(y / 3 * PI)) * 2 / 3 + (160 * sin(y / 12 * PI) + 320 * sin(y * PI / 30)) * 2 / 3;
  var east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * Math.sqrt(Math.abs(x)) + wave(x);
  east += (20 * sin(x * PI) + 40 * sin(x / 3 * PI)) * 2 / 3 + (150 * sin(x / 12 * PI) + 300 * sin(x / 30 * PI)) * 2 / 3;
  var angle = lat / 180 * PI, root = Math.sqrt(1 - SQUARED * sin(angle) * sin(angle));
  north = north / (AXIS * (1 - SQUARED) / (root * root * root)) * 180 / PI;
  east = east / (AXIS / root * Math.cos(angle)) * 180 / PI;
  return [lon + east, lat + north];
}

/* The way back: a few steps, each some hundred times nearer than the last. */
function backward(lon, lat) {
  var here = [lon, lat];
  for (var i = 0; i < 6; i++) {
    var there = forward(here[0], here[1]);
    here = [here[0] - (there[0] - lon), here[1] - (there[1] - lat)];
  }
  return here;
}

var Shifted = L.TileLayer.extend({
  /* Where a point of the tiles' own grid lies on the map, in pixels. */
  _placed: function (point, zoom) {
    var own = this._map.unproject(point, zoom), true_ = backward(own.lng, own.lat);
    return this._map.project([true_[1], true_[0]], zoom);
  },

  _getTiledPixelBounds: function (center) {
    var there = forward(center.lng, center.lat);
    var bounds = L.TileLayer.prototype._getTiledPixelBounds.call(this, L.latLng(there[1], there[0]));
    return L.bounds(bounds.min.subtract([64, 64]), bounds.max.add([64, 64]));
  },

  _getTilePos: function (coords) {
    return this._placed(coords.scaleBy(this.getTileSize()), coords.z).subtract(this._level.origin);
  },

  _addTile: function (coords, container) {
    L.TileLayer.prototype._addTile.call(this, coords, container);
    var tile = this._tiles[this._tileCoordsToKey(coords)], size = this.getTileSize();
    var first = this._placed(coords.scaleBy(size), coords.z);
    var last = this._placed(coords.scaleBy(size).add(size), coords.z).subtract(first);
    tile.el.style.width = last.x + "px";
    tile.el.style.height = last.y + "px";
  }
});

function make(address, options) { return new Shifted(address, options); }
make.forward = forward;
make.backward = backward;
return make;
})();
