"use strict";
(function () {
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
