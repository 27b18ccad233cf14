# PostgreSQL as its well-known image would run it: on a folder that is empty at first, and not as root
set -e
if [ "$(id -u)" = 0 ]; then
  chown nobody /data
  exec setpriv --reuid nobody --clear-groups sh "$0"
fi
if [ ! -s /data/db/PG_VERSION ]; then
  initdb -D /data/db -U "$POSTGRES_USER" --auth trust >/dev/null
  echo "host all all all scram-sha-256" >>/data/db/pg_hba.conf
  pg_ctl -D /data/db -w -o "-c listen_addresses='' -k /tmp" start >/dev/null
  psql -qX -h /tmp -U "$POSTGRES_USER" postgres -c "alter user $POSTGRES_USER password '$POSTGRES_PASSWORD'" -c "create database $POSTGRES_DB"
  pg_ctl -D /data/db -w stop >/dev/null
fi
exec postgres -D /data/db -c "listen_addresses=*" -k /tmp
