{
  const box = document.getElementById("follow"), pause = 20000;
  let timer;
  const follow = () => {
    clearTimeout(timer);
    if (box.checked) timer = setTimeout(() => location.reload(), pause);
    sessionStorage.setItem("follow", box.checked ? "yes" : "");
  };
  box.checked = sessionStorage.getItem("follow") === "yes";
  box.addEventListener("change", follow);
  box.parentElement.hidden = false;
  follow();
}
