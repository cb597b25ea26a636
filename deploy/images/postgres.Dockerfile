# In place of postgres:…; see make.sh.
FROM scratch
LABEL invoicing.made-here="Debian bookworm's PostgreSQL 15, with an entrypoint that knows POSTGRES_USER, _PASSWORD and _DB alone"
ADD postgres.tar /
COPY postgres-entrypoint.sh /usr/local/bin/
ENV PATH=/usr/lib/postgresql/15/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PGDATA=/var/lib/postgresql/data
RUN install --directory --owner=postgres --group=postgres --mode=0700 "$PGDATA" \
    && install --directory --owner=postgres --group=postgres /var/run/postgresql
VOLUME /var/lib/postgresql/data
STOPSIGNAL SIGINT
EXPOSE 5432
ENTRYPOINT ["postgres-entrypoint.sh"]
CMD ["postgres"]
