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
})();
