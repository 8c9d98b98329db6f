// A click on a figure shows it as large as the window allows; on a thumbnail of the gallery, with the way to its caption.
document.addEventListener("DOMContentLoaded", () => {
  const dialog = document.createElement("dialog");
  dialog.className = "enlarged";
  dialog.addEventListener("click", () => dialog.close()); // Escape closes it by itself
  document.body.append(dialog);
  for (const image of document.querySelectorAll(".md-typeset img")) {
    image.addEventListener("click", (event) => {
      event.preventDefault(); // without this script a thumbnail leads to its figure
      const large = document.createElement("img");
      large.src = image.src;
      large.alt = image.alt;
      dialog.replaceChildren(large);
      const link = image.closest(".thumbnails a");
      if (link) {
        const caption = document.createElement("a");
        caption.href = link.getAttribute("href");
        caption.textContent = `${link.textContent.trim()}. ${image.alt}: caption and data`;
        dialog.append(caption);
      }
      dialog.showModal();
    });
  }
});
