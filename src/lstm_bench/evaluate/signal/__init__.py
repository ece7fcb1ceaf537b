"""Signal: how well a day's scores order the returns that follow."""
