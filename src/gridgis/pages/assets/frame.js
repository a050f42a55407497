/* What stands around the map: title, themes, legend, search, the list of cells, notes. Text goes in by textContent only. */
(function () {
"use strict";
var make = gridgis.make, ROW = 42, SPARE = 6, SVG = "http://www.w3.org/2000/svg", NAMES = { en: "English", zh: "中文" };
var frames = 0;

function section(parent, name, heading) {
  var box = parent.appendChild(make("section", "gridgis-" + name));
  if (heading) { box.appendChild(make("h2", "", heading)); }
  return box;
}

function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, function (all, key) { return key in values ? String(values[key]) : all; });
}

/* A number of cells, thousands parted by commas. */
function counted(number) { return String(number).replace(/\B(?=(\d{3})+$)/g, ","); }

/* The title of the map; one that names the theme it opened with names the one that is shown. */
function titleOf(layer) {
  var texts = layer.texts(), words = texts.words, first = texts.themes[0], now = texts.themes[layer.theme];
  function made(text) { return text[3] && text[1] !== words.parent ? fill(words.hotspot_title, { measure: text[0] }) : words.coverage_title; }
  return texts.title === made(first) ? made(now) : texts.title;
}

function svg(tag, attributes, parent) {
  var node = document.createElementNS(SVG, tag);
  Object.keys(attributes).forEach(function (key) { node.setAttribute(key, attributes[key]); });
  return parent ? parent.appendChild(node) : node;
}

/* Colour and, for hidden cells, stripes: told apart without colour, and printed even where backgrounds are not. */
function swatch(look) {
  var box = svg("svg", { "class": "gridgis-swatch", "aria-hidden": "true", viewBox: "0 0 26 15", preserveAspectRatio: "none" });
  svg("rect", { width: 26, height: 15, fill: look.hatched ? gridgis.look.paper : look.fill }, box);
  if (look.hatched) {
    svg("path", { d: "M-4 15L11 0M4 15L19 0M12 15L27 0M20 15L35 0", stroke: look.fill, "stroke-width": 3 }, box);
  }
  return box;
}

/* One radio button a theme; the words of its legend below. */
function themes(panel, layer) {
  var texts = layer.texts(), box = section(panel, "themes"), group = box.appendChild(make("fieldset"));
  group.appendChild(make("legend", "", texts.words.theme));
  texts.themes.forEach(function (text, t) {
    var label = group.appendChild(make("label")), input = label.appendChild(make("input"));
    input.type = "radio";
    input.name = "gridgis-theme-" + frames;
    input.value = t;
    input.checked = t === layer.theme;
    input.addEventListener("change", function () { layer.setTheme(t); });
    label.appendChild(make("span", "", text[0]));
  });
  box.hidden = texts.themes.length < 2;
}

function legend(box, layer) {
  var texts = layer.texts(), text = texts.themes[layer.theme], table = make("table");
  var caption = table.appendChild(make("caption", "", text[1]));
  if (text[2] && text[2].toLowerCase() !== text[1].toLowerCase()) {
    caption.appendChild(make("small", "", texts.words.unit + texts.words.colon + text[2]));
  }
  var head = table.appendChild(make("thead")).appendChild(make("tr"));
  head.appendChild(make("td"));
  head.appendChild(make("th", "gridgis-number", texts.words.cells)).scope = "col";
  var body = table.appendChild(make("tbody"));
  layer.model.themes[layer.theme].classes.forEach(function (look, c) {
    var row = body.appendChild(make("tr")), name = row.appendChild(make("th"));
    name.scope = "row";
    name.appendChild(swatch(look));
    name.appendChild(make("span", "", text[3] ? text[3][c] : layer.model.parents[c]));
    row.appendChild(make("td", "gridgis-number", counted(look.cells)));
  });
  box.textContent = "";
  box.appendChild(table);
  box.tabIndex = 0;
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", texts.words.legend);
}

/* Which cells have a text in their code or parent; a code that is just the text comes first. */
function search(layer, text) {
  var model = layer.model, found = [], exact = [];
  text = text.trim().toLowerCase();
  var lower = model.lower || (model.lower = model.codes.map(function (code) { return code.toLowerCase(); }));
  var parents = model.parents.map(function (parent) { return parent.toLowerCase().indexOf(text) >= 0; });
  for (var i = 0; i < model.count; i++) {
    if (lower[i] === text) { exact.push(i); } else if (parents[model.parentOf[i]] || lower[i].indexOf(text) >= 0) { found.push(i); }
  }
  return exact.concat(found);
}

/* A list of any length, of which only what can be seen is in the page. One stop for Tab; arrows, Enter. */
function rows(fold, layer, pick) {
  var texts = layer.texts(), words = texts.words, id = "gridgis-row-" + frames + "-", found = [], at = 0;
  var head = fold.appendChild(make("div", "gridgis-row gridgis-head"));
  var box = fold.appendChild(make("div", "gridgis-rows")), tall = box.appendChild(make("div", "gridgis-tall"));
  head.setAttribute("aria-hidden", "true");
  box.tabIndex = 0;
  box.setAttribute("role", "listbox");
  box.setAttribute("aria-label", words.list);
  box.title = words.list_keys;
  tall.setAttribute("role", "presentation");

  function measure() { return layer.model.themes[layer.theme].measure; }
  function option(place) {
    var i = found[place], line = make("div", "gridgis-row"), texts = [layer.model.codes[i], layer.parentText(i)];
    if (measure() >= 0) { texts.push(layer.textOf(measure(), i)); }
    texts.forEach(function (text, column) {
      var part = line.appendChild(make("span", column === 2 ? "gridgis-number" : "", text));
      part.title = text;
    });
    line.id = id + place;
    line.style.top = place * ROW + "px";
    line.setAttribute("role", "option");
    line.setAttribute("aria-setsize", found.length);
    line.setAttribute("aria-posinset", place + 1);
    line.setAttribute("aria-selected", String(i === layer.chosen));
    line.classList.toggle("gridgis-at", place === at);
    line.addEventListener("click", function () {
      at = place;
      pick(found[place]);
    });
    return line;
  }
  function show() {
    var seen = box.clientHeight || 6 * ROW, first = Math.max(Math.floor(box.scrollTop / ROW) - SPARE, 0);
    var last = Math.min(first + Math.ceil(seen / ROW) + 2 * SPARE, found.length);
    tall.style.height = Math.max(found.length, 1) * ROW + "px";
    tall.textContent = "";
    for (var place = first; place < last; place++) { tall.appendChild(option(place)); }
    if (at >= first && at < last) { box.setAttribute("aria-activedescendant", id + at); } else { box.removeAttribute("aria-activedescendant"); }
  }
  function move(place) {
    at = Math.min(Math.max(place, 0), found.length - 1);
    if (at * ROW < box.scrollTop) { box.scrollTop = at * ROW; }
    if ((at + 1) * ROW > box.scrollTop + box.clientHeight) { box.scrollTop = (at + 1) * ROW - box.clientHeight; }
    show();
  }
  box.addEventListener("scroll", show);
  box.addEventListener("keydown", function (event) {
    var page = Math.max(Math.floor(box.clientHeight / ROW) - 1, 1);
    var steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -found.length, End: found.length };
    if (event.key in steps) { move(at + steps[event.key]); } else if (event.key === "Enter" || event.key === " ") {
      if (found.length) { pick(found[at]); }
    } else { return; }
    event.preventDefault();
  });
  function titles() {
    head.textContent = "";
    var named = [words.code, words.parent].concat(measure() >= 0 ? [texts.measures[measure()][0]] : []);
    named.forEach(function (name, column) {
      head.appendChild(make("span", column === 2 ? "gridgis-number" : "", name)).title = name;
    });
  }
  titles();
  return {
    set: function (cells) {
      found = cells;
      at = 0;
      box.scrollTop = 0;
      show();
    },
    show: function () {
      titles();
      show();
    },
    at: function (cell) {
      var place = found.indexOf(cell);
      if (place >= 0) { move(place); }
    }
  };
}

/* The search box and the list it filters; Enter takes the first. */
function finder(panel, layer, pick, say, before) {
  var words = layer.texts().words, box = section(panel, "search"), id = "gridgis-find-" + frames;
  var label = box.appendChild(make("label", "", words.search)), input = make("input");
  label.htmlFor = input.id = id;
  input.type = "search";
  input.autocomplete = "off";
  input.placeholder = words.search_hint;
  input.value = before.text;
  box.appendChild(input);
  var fold = section(panel, "list").appendChild(make("details"));
  fold.open = before.open;
  fold.appendChild(make("summary", "", words.list));
  var list = rows(fold, layer, pick), found = search(layer, input.value);
  fold.addEventListener("toggle", list.show);
  list.set(found);
  input.addEventListener("input", function () {
    found = search(layer, input.value);
    list.set(found);
    if (input.value.trim()) { fold.open = true; }
    say(found.length ? fill(words.matches, { n: counted(found.length), all: counted(layer.model.count) }) : words.nothing);
  });
  input.addEventListener("keydown", function (event) {
    if (event.key === "Enter") {
      event.preventDefault();
      if (found.length) { pick(found[0]); } else { say(words.nothing); }
    }
  });
  list.state = function () { return { text: input.value, open: fold.open }; };
  return list;
}

function chosenBox(panel, layer) {
  var box = section(panel, "chosen", layer.texts().words.selected), inside = box.appendChild(make("div"));
  function show(i) {
    inside.textContent = "";
    box.hidden = i < 0;
    if (i >= 0) { inside.appendChild(layer.facts(i)); }
  }
  show(layer.chosen);
  return show;
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
  var held = true, busy = false, before = "";
  function fit() {
    busy = true;
    map.invalidateSize({ animate: false, pan: false });
    var size = map.getSize(), again = String(size) === before;
    before = String(size);
    if (held && !again && size.x > 20 && size.y > 20) { map.fitBounds(layer.getBounds(), { padding: [8, 8], animate: false }); }
    busy = false;
  }
  map.on("movestart zoomstart", function () { if (!busy) { held = false; } });
  function all() {
    held = true;
    before = "";
    fit();
  }
  whole.addEventListener("click", all);
  if (window.ResizeObserver) { new ResizeObserver(fit).observe(map.getContainer()); }
  fit();
  return function () {
    all();
    layer.flush();
  };
}

/* Paper has its own layout; the map is fitted to it, and drawn, before the browser takes the picture. */
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

function panelButton(page, panel) {
  var button = make("button", "gridgis-toggle", "☰");
  button.type = "button";
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

function named(node, text) {
  node.title = text;
  node.setAttribute("aria-label", text);
}

/* The other language, by its own name. */
function languages(panel, layer) {
  var other = Object.keys(layer.model.texts).filter(function (lang) { return lang !== layer.lang; });
  other.forEach(function (lang) {
    var button = panel.appendChild(make("button", "gridgis-lang", NAMES[lang] || lang));
    button.type = "button";
    button.lang = layer.model.texts[lang].html;
    button.addEventListener("click", function () {
      layer.setLang(lang);
      panel.querySelector(".gridgis-lang").focus();
    });
  });
}

function entitle(frame, layer) {
  var title = titleOf(layer), words = layer.texts().words;
  if (document.title === frame.title) { document.title = title; }
  frame.title = frame.heading.textContent = frame.above.textContent = title;
  frame.box.setAttribute("aria-label", words.map + words.colon + title + ". " + words.map_keys);
}

/* All that has words, in the language of the layer; the boxes round it stay. */
function panelOf(frame, layer) {
  var panel = frame.panel, texts = layer.texts(), words = texts.words, before = frame.list ? frame.list.state() : { text: "", open: false };
  frames++;
  panel.textContent = "";
  frame.page.lang = texts.html;
  if (document.title === frame.title) { document.documentElement.lang = texts.html; }
  panel.setAttribute("aria-label", words.panel);
  named(frame.toggle, words.panel);
  named(frame.whole, words.whole);
  if (frame.zoom) {
    named(frame.zoom._zoomInButton, words.zoom_in);
    named(frame.zoom._zoomOutButton, words.zoom_out);
  }
  frame.mark.textContent = words.internal;
  frame.above = panel.appendChild(make("p", "gridgis-paneltitle"));
  entitle(frame, layer);
  languages(panel, layer);
  themes(panel, layer);
  frame.legend = section(panel, "legend");
  legend(frame.legend, layer);
  frame.show = chosenBox(panel, layer);
  frame.list = finder(panel, layer, frame.pick, frame.say, before);
  var notes = section(panel, "notes");
  notes.setAttribute("aria-label", words.notes);
  texts.notes.forEach(function (line) { notes.appendChild(make("p", "", line)); });
}

function listen(frame, layer) {
  layer.on("gridgis:chosen", function (event) {
    frame.show(event.index);
    frame.list.show();
    if (event.index < 0) { return; }
    frame.list.at(event.index);
    frame.say([layer.model.codes[event.index], layer.parentText(event.index)].concat(
      layer.texts().measures.map(function (text, f) { return text[0] + " " + layer.textOf(f, event.index); })).join(", "));
  });
  layer.on("gridgis:theme", function (event) {
    legend(frame.legend, layer);
    entitle(frame, layer);
    frame.list.show();
    frame.say(layer.texts().words.theme + layer.texts().words.colon + layer.texts().themes[event.theme][0]);
  });
  layer.on("gridgis:lang", function () { panelOf(frame, layer); });
}

gridgis.frame = function (map, layer) {
  var box = map.getContainer(), inner = box.closest("main") || box, page = inner.parentNode, header = make("header", "gridgis-header");
  var panel = make("aside", "gridgis-panel"), status = make("p", "gridgis-status"), whole = make("button", "gridgis-whole", "⤢");
  page.classList.add("gridgis-page");
  box.setAttribute("role", "region");
  panel.tabIndex = -1;
  whole.type = "button";
  status.setAttribute("role", "status");
  var frame = { box: box, page: page, panel: panel, whole: whole, zoom: map.zoomControl, title: layer.texts().title };
  frame.heading = header.appendChild(page.querySelector("h1.gridgis-title") || make("h1"));
  frame.heading.className = "";
  frame.toggle = panelButton(page, panel);
  frame.mark = make("div", "gridgis-internal");
  frame.say = function (text) { status.textContent = text; };
  frame.pick = function (i) {
    layer.goTo(i);
    frame.toggle.close();
  };
  page.insertBefore(header, inner);
  page.insertBefore(panel, inner.nextSibling);
  page.insertBefore(frame.toggle, panel);
  page.appendChild(status);
  panelOf(frame, layer);
  listen(frame, layer);
  corner(map, "topleft", whole);
  if (layer.model.internal) { corner(map, "topright", frame.mark); }
  L.control.scale({ imperial: false, maxWidth: 120 }).addTo(map);
  printing(page, keepFitted(map, layer, whole));
};
})();
