# In place of temporalio/admin-tools:…; see make.sh.
FROM scratch
LABEL invoicing.made-here="temporal-sql-tool alone, built from its own module, on Debian's busybox in place of Alpine"
COPY busybox /bin/
RUN ["/bin/busybox", "sh", "-c", "busybox --install -s /bin && mkdir -m 1777 /tmp && mkdir -p /etc && echo temporal:x:1000:1000::/:/bin/sh > /etc/passwd"]
ENV PATH=/usr/local/bin:/bin
COPY temporal-sql-tool /usr/local/bin/
USER 1000
CMD ["temporal-sql-tool"]
