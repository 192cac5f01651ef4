"""What `script/test` does once everything is installed: run the suites, several at a time, and say where time went.

Every suite runs once for each database it is about, in a pytest process of its own (a "job"). Jobs run beside each
other as long as the machine has cores for them, because most of them wait for servers, browsers or deadlines much of
their time. `jobs.py` says which jobs there are, `schedule.py` runs them, `report.py` sums them up.
"""
