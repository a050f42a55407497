/* The table of a tooltip or popup of GeoJSON: names and values go in by textContent only. */
function gridgisDetail(fields, names, labels, localize) {
  "use strict";
  function text(value) {
    if (value === null || value === undefined) { return ""; }
    if (typeof value === "object") { return JSON.stringify(value); }
    return localize ? value.toLocaleString() : String(value);
  }
  return function (layer) {
    var box = L.DomUtil.create("div"), table = L.DomUtil.create("table", "", box);
    fields.forEach(function (field, i) {
      var row = L.DomUtil.create("tr", "", table);
      if (labels) {
        var head = L.DomUtil.create("th", "", row);
        if (typeof names[i] === "object") { head.innerHTML = names[i].html; } else { head.textContent = text(names[i]); }
      }
      L.DomUtil.create("td", "", row).textContent = text(layer.feature.properties[field]);
    });
    return box;
  };
}
