"use strict";
(function () {
  // What a cell is sorted by: its data-sort or its text, a number where it is one.
  function key(cell) {
    var text = (cell.dataset.sort === undefined ? cell.textContent : cell.dataset.sort).trim();
    if (text === "∞" || text === "inf") { return Infinity; }
    var number = text === "" ? NaN : Number(text.replace("−", "-"));
    return Number.isNaN(number) ? text : number;
  }

  var collator = new Intl.Collator("en", { numeric: true });

  function sortTable(table, column, up) {
    var body = table.tBodies[0];
    var rows = Array.from(body.rows).map(function (row) { return { row: row, key: key(row.cells[column]) }; });
    var numeric = column > 0 && rows.some(function (entry) { return typeof entry.key === "number"; });
    rows.sort(function (first, second) {
      var a = first.key, b = second.key;
      if (numeric) {
        var none = (typeof a !== "number") - (typeof b !== "number");
        if (none || typeof a !== "number") { return none; }
        return up ? (a > b) - (a < b) : (b > a) - (b < a);
      }
      var order = collator.compare(a, b);
      return up ? order : -order;
    });
    var sorted = document.createDocumentFragment();
    rows.forEach(function (entry) { sorted.appendChild(entry.row); });
    body.appendChild(sorted);
  }

  document.querySelectorAll("table.sortable").forEach(function (table) {
    var heads = Array.from(table.tHead.rows[0].cells);
    heads.forEach(function (head, column) {
      var button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", function () {
        var up = head.getAttribute("aria-sort") !== "ascending";
        heads.forEach(function (other) { other.removeAttribute("aria-sort"); });
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        sortTable(table, column, up);
      });
    });
  });

  document.querySelectorAll(".filter").forEach(function (filter) {
    var rows = Array.from(document.getElementById(filter.dataset.table).tBodies[0].rows);
    var words = rows.map(function (row) {
      var cells = Array.from(row.cells).filter(function (cell) { return cell.matches("th, .text"); });
      return cells.map(function (cell) { return cell.textContent; }).join("\n").toLowerCase() +
        "\n" + (row.dataset.find || "").toLowerCase();
    });
    var text = filter.querySelector("[type=search]"), limit = filter.querySelector("[type=number]");
    var said = filter.querySelector("output");
    function apply() {
      var wanted = text.value.trim().toLowerCase(), below = parseFloat(limit.value), shown = 0;
      rows.forEach(function (row, k) {
        var low = Number.isNaN(below) || (row.dataset.dice !== "" && Number(row.dataset.dice) < below);
        row.hidden = !(low && words[k].includes(wanted));
        shown += !row.hidden;
      });
      said.textContent = shown + " of " + rows.length + " rows shown";
    }
    text.addEventListener("input", apply);
    limit.addEventListener("input", apply);
    filter.hidden = false;
    apply();
  });

  var labels = document.getElementById("labels");
  document.querySelectorAll(".scroller").forEach(function (scroller) {
    var canvas = scroller.querySelector("canvas"), pen = canvas.getContext("2d");
    var slider = scroller.querySelector("input"), said = scroller.querySelector("output");
    var numbers = scroller.dataset.numbers.split(" "), columns = Number(scroller.dataset.columns);
    var lines = Math.ceil(numbers.length / columns), layers = {};
    function draw() {
      var k = Number(slider.value), across = k % columns, down = Math.floor(k / columns);
      var words = "slice " + numbers[k] + " of " + scroller.dataset.count;
      said.textContent = words;
      slider.setAttribute("aria-valuetext", words);
      pen.clearRect(0, 0, canvas.width, canvas.height);
      pen.imageSmoothingEnabled = false;
      ["image", "labels"].forEach(function (name) {
        var layer = layers[name];
        if (!layer || !layer.naturalWidth || (name === "labels" && labels && !labels.checked)) { return; }
        var wide = layer.naturalWidth / columns, high = layer.naturalHeight / lines;
        pen.drawImage(layer, across * wide, down * high, wide, high, 0, 0, canvas.width, canvas.height);
      });
    }
    ["image", "labels"].forEach(function (name) {
      if (scroller.dataset[name]) {
        layers[name] = new Image();
        layers[name].addEventListener("load", draw);
        layers[name].src = scroller.dataset[name];
      }
    });
    slider.addEventListener("input", draw);
    if (labels) { labels.addEventListener("change", draw); }
    scroller.hidden = false;
    draw();
  });
})();
