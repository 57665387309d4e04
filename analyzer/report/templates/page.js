(function () {
  "use strict";
  var live = document.createElement("p");
  live.className = "vh";
  live.setAttribute("aria-live", "polite");
  document.body.appendChild(live);

  function copied(button, ok) {
    button.textContent = ok ? "Copied" : "Select it";
    live.textContent = ok ? "Copied to the clipboard" : "Copying is not allowed here, the text is selected";
    setTimeout(function () { button.textContent = "Copy"; live.textContent = ""; }, 2000);
  }

  function select(node) {
    var range = document.createRange(), selection = getSelection();
    range.selectNodeContents(node);
    selection.removeAllRanges();
    selection.addRange(range);
  }

  function fallback(node, button) {
    var ok = false;
    select(node);
    try { ok = document.execCommand("copy"); } catch (error) { ok = false; }
    copied(button, ok);
  }

  document.querySelectorAll("[data-copy]").forEach(function (node) {
    var button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-label", "Copy " + node.getAttribute("data-copy"));
    button.addEventListener("click", function () {
      var text = node.textContent;
      if (navigator.clipboard && navigator.clipboard.writeText) {
        navigator.clipboard.writeText(text).then(function () { copied(button, true); },
          function () { fallback(node, button); });
      } else {
        fallback(node, button);
      }
    });
    node.parentNode.insertBefore(button, node.nextSibling);
  });

  var table = document.getElementById("all-rows");
  if (table && table.rows.length > 12) {
    var label = document.createElement("label"), input = document.createElement("input");
    label.className = "find";
    label.textContent = "Show only rows with ";
    input.type = "search";
    label.appendChild(input);
    table.parentNode.parentNode.insertBefore(label, table.parentNode);
    input.addEventListener("input", function () {
      var wanted = input.value.trim().toLowerCase(), shown = 0;
      for (var i = 0; i < table.tBodies[0].rows.length; i++) {
        var row = table.tBodies[0].rows[i];
        row.hidden = wanted !== "" && row.textContent.toLowerCase().indexOf(wanted) < 0;
        shown += row.hidden ? 0 : 1;
      }
      live.textContent = shown + " rows shown";
    });
  }

  var order = new Intl.Collator("en", { numeric: true });

  // A cell's last number is its value where the column says so: "high 0.96", "1,204".
  function keyOf(cell, by) {
    if (by !== "number") { return cell.textContent.trim(); }
    var found = cell.textContent.replace(/,/g, "").match(/[0-9.]+(?=[^0-9]*$)/);
    return found ? parseFloat(found[0]) : -1;
  }

  document.querySelectorAll("table.sort").forEach(function (sorted) {
    var heads = sorted.tHead.rows[0].cells;
    Array.prototype.forEach.call(heads, function (head, column) {
      var button = document.createElement("button");
      button.type = "button";
      button.className = "by";
      button.textContent = head.textContent;
      head.textContent = "";
      head.appendChild(button);
      button.addEventListener("click", function () {
        var down = head.getAttribute("aria-sort") === "ascending", by = head.getAttribute("data-by");
        var rows = Array.prototype.map.call(sorted.tBodies[0].rows, function (row) {
          return { row: row, key: keyOf(row.cells[column], by) };
        });
        rows.sort(function (a, b) {
          var result = by === "number" ? a.key - b.key : order.compare(a.key, b.key);
          return down ? -result : result;
        });
        Array.prototype.forEach.call(heads, function (other) { other.removeAttribute("aria-sort"); });
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        var body = document.createDocumentFragment();
        rows.forEach(function (one) { body.appendChild(one.row); });
        sorted.tBodies[0].appendChild(body);
        live.textContent = "Sorted by " + button.textContent + (down ? ", descending" : ", ascending");
      });
    });
  });

  var opened = [];
  addEventListener("beforeprint", function () {
    document.querySelectorAll("details:not([open]):not(.code)").forEach(function (one) { one.open = true; opened.push(one); });
  });
  addEventListener("afterprint", function () {
    opened.splice(0).forEach(function (one) { one.open = false; });
  });
})();
