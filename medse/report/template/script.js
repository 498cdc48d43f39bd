"use strict";
(function () {
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
