# In place of temporalio/server:…; see make.sh.
FROM scratch
LABEL invoicing.made-here="temporal-server with its own entrypoint, built from its own module, on Debian's busybox in place of Alpine (its nc by hand)"
COPY busybox /bin/
RUN ["/bin/busybox", "sh", "-c", "busybox --install -s /bin && mkdir -m 1777 /tmp && mkdir -p /etc/temporal && echo temporal:x:1000:1000::/:/bin/sh > /etc/passwd"]
ENV PATH=/usr/local/bin:/bin
COPY temporal-server /usr/local/bin/
COPY nc.sh /usr/local/bin/nc
COPY entrypoint.sh /etc/temporal/
WORKDIR /etc/temporal
USER 1000
CMD ["sh", "/etc/temporal/entrypoint.sh"]
