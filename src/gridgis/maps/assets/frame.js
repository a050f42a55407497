/* What stands around the map: title, legend, search, the list of cells, notes. Text goes in by textContent only. */
(function () {
"use strict";
var make = gridgis.make, STEP = 200;

function section(parent, name, heading) {
  var box = parent.appendChild(make("section", "gridgis-" + name));
  if (heading) { box.appendChild(make("h2", "", heading)); }
  return box;
}

function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, function (all, key) { return key in values ? String(values[key]) : all; });
}

function swatch(look) {
  var SVG = "http://www.w3.org/2000/svg";
  var svg = document.createElementNS(SVG, "svg"), rect = document.createElementNS(SVG, "rect");
  svg.setAttribute("class", "gridgis-swatch");
  svg.setAttribute("aria-hidden", "true");
  rect.setAttribute("width", "100%");
  rect.setAttribute("height", "100%");
  rect.setAttribute("fill", look.hatched ? "url(#" + gridgis.hatchId + ")" : look.fill);
  svg.appendChild(rect);
  return svg;
}

function legend(panel, model) {
  var box = section(panel, "legend"), table = make("table");
  var caption = table.appendChild(make("caption", "", model.legend.title));
  if (model.legend.unit && model.legend.unit.toLowerCase() !== model.legend.title.toLowerCase()) {
    caption.appendChild(make("small", "", model.words.unit + ": " + model.legend.unit));
  }
  var head = table.appendChild(make("thead")).appendChild(make("tr"));
  head.appendChild(make("th", "", ""));
  head.appendChild(make("th", "gridgis-number", model.words.cells)).scope = "col";
  head.firstChild.setAttribute("aria-label", model.legend.title);
  var body = table.appendChild(make("tbody"));
  model.legend.classes.forEach(function (look) {
    var row = body.appendChild(make("tr")), name = row.appendChild(make("th"));
    name.scope = "row";
    name.appendChild(swatch(look));
    name.appendChild(make("span", "", look.label));
    row.appendChild(make("td", "gridgis-number", String(look.cells)));
  });
  box.appendChild(table);
}

/* The search box and the list it filters. Every cell is a button in a row; Enter takes the first. */
function finder(panel, model, pick, say) {
  var words = model.words, box = section(panel, "search"), id = "gridgis-find-" + (finder.count = (finder.count || 0) + 1);
  var label = box.appendChild(make("label", "", words.search)), input = make("input");
  label.htmlFor = input.id = id;
  input.type = "search";
  input.autocomplete = "off";
  input.placeholder = words.search_hint;
  box.appendChild(input);
  var fold = section(panel, "list").appendChild(make("details"));
  fold.appendChild(make("summary", "", words.list));
  var table = fold.appendChild(make("table")), head = table.appendChild(make("thead")).appendChild(make("tr"));
  [words.code, words.parent, model.fields[model.listed]].forEach(function (name) {
    if (name !== undefined) { head.appendChild(make("th", "", name)).scope = "col"; }
  });
  var body = table.appendChild(make("tbody")), more = fold.appendChild(make("button", "gridgis-more", words.more));
  var found = model.codes.map(function (code, i) { return i; }), shown = 0;
  more.type = "button";

  function row(i) {
    var line = make("tr"), button = make("button", "", model.codes[i]);
    button.type = "button";
    button.addEventListener("click", function () { pick(i); });
    line.appendChild(make("td")).appendChild(button);
    line.appendChild(make("td", "", model.parents[model.parentOf[i]]));
    if (model.fields.length) { line.appendChild(make("td", "gridgis-number", model.rows[i][model.listed])); }
    return line;
  }
  function extend() {
    found.slice(shown, shown + STEP).forEach(function (i) { body.appendChild(row(i)); });
    shown = Math.min(shown + STEP, found.length);
    more.hidden = shown >= found.length;
  }
  function filter() {
    var text = input.value.trim().toLowerCase();
    found = [];
    model.codes.forEach(function (code, i) {
      if ((code + "\n" + model.parents[model.parentOf[i]]).toLowerCase().indexOf(text) >= 0) { found.push(i); }
    });
    found.sort(function (a, b) { return rank(a) - rank(b) || a - b; });
    function rank(i) { return model.codes[i].toLowerCase() === text ? 0 : 1; }
    body.textContent = "";
    shown = 0;
    extend();
    if (text) { fold.open = true; }
    say(found.length ? fill(words.matches, { n: found.length, all: model.codes.length }) : words.nothing);
  }
  input.addEventListener("input", filter);
  input.addEventListener("keydown", function (event) {
    if (event.key === "Enter") {
      event.preventDefault();
      if (found.length) { pick(found[0]); } else { say(words.nothing); }
    }
  });
  more.addEventListener("click", extend);
  extend();
}

function chosenBox(panel, model) {
  var box = section(panel, "chosen", model.words.selected), inside = box.appendChild(make("div"));
  box.hidden = true;
  return function (i) {
    inside.textContent = "";
    box.hidden = i < 0;
    if (i >= 0) { inside.appendChild(gridgis.facts(model, i)); }
  };
}

function corner(map, position, node) {
  var control = L.control({ position: position });
  control.onAdd = function () {
    L.DomEvent.disableClickPropagation(node);
    return node;
  };
  control.addTo(map);
}

/* The whole map stays in view while the box changes its size, until the reader moves it. */
function keepFitted(map, layer, whole) {
  var held = true, busy = false;
  function fit() {
    busy = true;
    map.invalidateSize({ animate: false, pan: false });
    if (held) { map.fitBounds(layer.getBounds(), { padding: [8, 8], animate: false }); }
    busy = false;
  }
  map.on("movestart zoomstart", function () { if (!busy) { held = false; } });
  whole.addEventListener("click", function () {
    held = true;
    fit();
  });
  if (window.ResizeObserver) { new ResizeObserver(fit).observe(map.getContainer()); }
  fit();
  return function () {
    held = true;
    fit();
  };
}

/* Paper has its own layout; the map is fitted to it before the browser takes the picture. */
function printing(page, refit) {
  function paper(on) {
    page.classList.toggle("gridgis-print", on);
    refit();
  }
  window.addEventListener("beforeprint", function () { paper(true); });
  window.addEventListener("afterprint", function () { paper(false); });
  var media = window.matchMedia("print");
  media.addEventListener("change", function () { paper(media.matches); });
  if (media.matches) { paper(true); }
}

function panelButton(page, panel, words) {
  var button = make("button", "gridgis-toggle", "☰");
  button.type = "button";
  button.title = words.panel;
  button.setAttribute("aria-label", words.panel);
  button.setAttribute("aria-expanded", "false");
  function set(open) {
    page.classList.toggle("gridgis-open", open);
    button.setAttribute("aria-expanded", String(open));
    if (open) { panel.focus(); }
  }
  button.addEventListener("click", function () { set(!page.classList.contains("gridgis-open")); });
  page.addEventListener("keydown", function (event) {
    if (event.key === "Escape" && page.classList.contains("gridgis-open")) {
      set(false);
      button.focus();
    }
  });
  button.close = function () { set(false); };
  return button;
}

gridgis.frame = function (map, layer) {
  var model = layer.model, words = model.words, box = map.getContainer(), page = box.parentNode;
  page.classList.add("gridgis-page");
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", words.map + ": " + model.title);
  var header = make("header", "gridgis-header"), panel = make("aside", "gridgis-panel");
  header.appendChild(make("h1", "", model.title));
  panel.setAttribute("aria-label", words.panel);
  panel.tabIndex = -1;
  page.insertBefore(header, box);
  page.insertBefore(panel, box.nextSibling);
  panel.appendChild(make("p", "gridgis-paneltitle", model.title));
  var status = page.appendChild(make("p", "gridgis-status"));
  status.setAttribute("role", "status");
  function say(text) { status.textContent = text; }

  var toggle = panelButton(page, panel, words);
  function pick(i) {
    layer.goTo(i);
    toggle.close();
  }
  legend(panel, model);
  var show = chosenBox(panel, model);
  finder(panel, model, pick, say);
  layer.on("gridgis:chosen", function (event) {
    show(event.index);
    if (event.index >= 0) {
      say([model.codes[event.index], model.parents[model.parentOf[event.index]]].concat(
        model.fields.map(function (name, f) { return name + " " + model.rows[event.index][f]; })).join(", "));
    }
  });
  var notes = section(panel, "notes");
  model.notes.forEach(function (line) { notes.appendChild(make("p", "", line)); });

  var zoom = map.zoomControl, whole = make("button", "gridgis-whole", "⤢");
  whole.type = "button";
  whole.title = words.whole;
  whole.setAttribute("aria-label", words.whole);
  if (zoom) {
    [[zoom._zoomInButton, words.zoom_in], [zoom._zoomOutButton, words.zoom_out]].forEach(function (pair) {
      pair[0].title = pair[1];
      pair[0].setAttribute("aria-label", pair[1]);
    });
  }
  corner(map, "topleft", whole);
  page.insertBefore(toggle, panel);
  if (model.internal) { corner(map, "topright", make("div", "gridgis-internal", words.internal)); }
  L.control.scale({ imperial: false, maxWidth: 120 }).addTo(map);
  printing(page, keepFitted(map, layer, whole));
};
})();
