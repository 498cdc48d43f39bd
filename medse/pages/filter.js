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
        var low = Number.isNaN(below) || (row.dataset.below !== "" && Number(row.dataset.below) < below);
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
})();
