/* Reads packed columns (gridgis/maps/coding.py) and packed scripts (gridgis/maps/scripts.py). */
(function () {
"use strict";
var BITS = 12, SHARE = 1 << BITS, LOW = 1 << 17, SMALL = 16, ROW = 1024, LANES = 2048;
var VALUE = new Uint8Array(128), LETTERS = 0;
for (var code = 33; code < 127; code++) {
  if ("<>&\"'\\`".indexOf(String.fromCharCode(code)) < 0) { VALUE[code] = LETTERS++; }
}
var BASE = LETTERS * LETTERS;

function Reader(text) {
  this.text = text;
  this.place = 0;
}

Reader.prototype.digit = function () {
  var at = this.place;
  this.place = at + 2;
  return VALUE[this.text.charCodeAt(at)] * LETTERS + VALUE[this.text.charCodeAt(at + 1)];
};

Reader.prototype.number = function () { return (this.digit() * BASE + this.digit()) * BASE + this.digit(); };

Reader.prototype.states = function (count) {
  var states = new Int32Array(Math.min(Math.max(Math.floor(count / ROW), 1), LANES));
  for (var i = 0; i < states.length; i++) { states[i] = this.number(); }
  return states;
};

/* The table of a column: which token a slot stands for, where its slots start, how many there are. */
Reader.prototype.table = function () {
  var used = this.digit(), table = { symbol: new Uint8Array(SHARE), start: new Int32Array(256), share: new Int32Array(256) };
  var place = 0;
  for (var i = 0; i < used; i++) {
    var token = this.digit(), share = this.digit();
    table.start[token] = place;
    table.share[token] = share;
    table.symbol.fill(token, place, place + share);
    place += share;
    table.most = token;
  }
  return table;
};

/* The next column of whole numbers. */
Reader.prototype.column = function () {
  var count = this.number();
  if (!count) { return new Int32Array(0); }
  var table = this.table(), states = this.states(count), lanes = states.length, most = table.most;
  var values = most < SMALL + 4 * 27 ? new Int32Array(count) : new Float64Array(count);
  var left = new Uint8Array(count), open = 0, lane = 0;
  for (var i = 0; i < count; i++) {
    var state = states[lane], slot = state & (SHARE - 1), token = table.symbol[slot];
    state = table.share[token] * (state >> BITS) + slot - table.start[token];
    states[lane] = state < LOW ? state * BASE + this.digit() : state;
    if (++lane === lanes) { lane = 0; }
    if (token < SMALL) {
      values[i] = token;
    } else {
      var bits = ((token - SMALL) >> 2) + 2;
      values[i] = (4 + (token & 3)) * Math.pow(2, bits);
      left[i] = bits;
      open++;
    }
  }
  for (var done = 0; open; done += BITS) { open = this.plain(values, left, open, Math.pow(2, done)); }
  return values;
};

/* Up to twelve plain bits more for each number that lacks some; says how many still do. */
Reader.prototype.plain = function (values, left, open, weight) {
  var states = this.states(open), lanes = states.length, lane = 0, still = 0;
  for (var i = 0; i < left.length; i++) {
    if (!left[i]) { continue; }
    var bits = Math.min(left[i], BITS), state = states[lane], slot = state & (SHARE - 1);
    var low = slot & ((1 << (BITS - bits)) - 1);
    state = (1 << (BITS - bits)) * (state >> BITS) + low;
    states[lane] = state < LOW ? state * BASE + this.digit() : state;
    if (++lane === lanes) { lane = 0; }
    values[i] += (slot >> (BITS - bits)) * weight;
    left[i] -= bits;
    if (left[i]) { still++; }
  }
  return still;
};

/* A text: letters, and pointers to what was said before, which may reach into what is being said. */
function text(packed) {
  var reader = new Reader(packed), ranks = reader.column(), letters = reader.column(), runs = reader.column();
  var lengths = reader.column(), distances = reader.column(), size = letters.length, place = 0, at = 0;
  for (var l = 0; l < lengths.length; l++) { size += lengths[l]; }
  var said = new Uint16Array(size);
  for (var r = 0; r < runs.length; r++) {
    for (var end = at + runs[r]; at < end; at++) { said[place++] = ranks[letters[at]]; }
    for (var left = lengths[r] || 0, from = place - distances[r] - 1; left > 0; left--) { said[place++] = said[from++]; }
  }
  return new TextDecoder("utf-16le", { ignoreBOM: true }).decode(said);
}

/* Run the packed scripts of an element, a line each: the policy of the page names them by what they say. */
function run(id) {
  document.getElementById(id).textContent.trim().split("\n").forEach(function (line) {
    var script = document.createElement("script");
    script.textContent = text(line);
    document.head.appendChild(script);
  });
}

var gridgis = window.gridgis = window.gridgis || {};
gridgis.Reader = Reader;
gridgis.text = text;
gridgis.run = run;
})();
