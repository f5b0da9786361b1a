// Before the first paint: a page that was left dark must not open in a white flash.
(function () {
  try {
    var theme = localStorage.getItem('bidhawk.theme');
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
    var language = localStorage.getItem('bidhawk.language');
    if (language === 'en' || language === 'zh') document.documentElement.lang = language;
  } catch (e) { /* storage is forbidden: the system's choice holds */ }
})();
