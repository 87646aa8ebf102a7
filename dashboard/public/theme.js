// Before the first paint: the theme that was chosen, if one was. The rest follows the system.
;(function () {
  try {
    var theme = localStorage.getItem('tripmeter.theme')
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
  } catch (refused) {
    // Storage may be switched off: the system's theme it is.
  }
})()
