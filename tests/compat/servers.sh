# shellcheck shell=bash
# servers.sh: rows for servers, on the loopback device of the row's own network.

row postgres -n 'initdb=postgresql psql=postgresql-client pgbench=postgresql' -t 180 \
    -f 's/^(tps|latency|initial|number of failed|done in|vacuuming|creating|generating|[0-9]+ of).*|.*(avg|stddev|elapsed).*//; s/\b[0-9]+\.[0-9]+ (ms|s)\b/T/g' \
    'initdb, server with its log on stderr in a file, load of 300,000 rows by COPY, joins, parallel query, index, PL/pgSQL, errors, pg_dump -j4 and restore, pgbench -c8'
row_postgres() {
    mkdir pg && chown postgres pg && chmod 755 . && cd pg || return
    cat >load.sql <<'END'
\set VERBOSITY terse
CREATE TABLE t AS SELECT g AS id, g % 1000 AS k, md5(g::text) AS h FROM generate_series(1, 300000) g;
CREATE TABLE u (k int PRIMARY KEY, name text);
COPY u FROM PROGRAM 'seq 0 999 | sed "s/.*/&\tname &/"';
CREATE INDEX ON t (k); ANALYZE;
SELECT u.name, count(*), max(t.h) FROM t JOIN u USING (k) WHERE t.id % 7 = 3 GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 5;
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 4;
EXPLAIN (COSTS OFF) SELECT count(*), sum(length(h)) FROM t WHERE h LIKE 'a%';
SELECT count(*), sum(length(h)) FROM t WHERE h LIKE 'a%';
WITH RECURSIVE r(n, f) AS (SELECT 1, 1::numeric UNION ALL SELECT n + 1, f * (n + 1) FROM r WHERE n < 30) SELECT * FROM r WHERE n % 10 = 0;
SELECT k, rank() OVER (ORDER BY count(*) DESC, k), count(*) FROM t WHERE id < 5000 GROUP BY k ORDER BY 1 LIMIT 3;
CREATE FUNCTION f(n int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN IF n > 2 THEN RAISE EXCEPTION 'too large: %', n; END IF;
    RAISE NOTICE 'is %', n; RETURN n; END $$;
SELECT f(1); SELECT f(3); SELECT 1 / 0; SELECT * FROM nonexistent;
BEGIN; UPDATE t SET h = 'x' WHERE k = 5; SAVEPOINT s; DELETE FROM t; ROLLBACK TO s; COMMIT;
SELECT count(*) FROM t WHERE h = 'x'; VACUUM (PARALLEL 2) t;
COPY (SELECT * FROM u ORDER BY k LIMIT 3) TO STDOUT; COPY (SELECT k FROM u ORDER BY k) TO PROGRAM 'md5sum >md5; cat md5 >/dev/null';
LISTEN c; NOTIFY c, 'payload'; SELECT pg_cancel_backend(0) IS NULL; SET statement_timeout = 100; SELECT pg_sleep(5);
END
    cat >run.sh <<'END'
initdb -D data --no-sync -E UTF8 --locale=C.UTF-8 | grep -v max_connections
printf "listen_addresses = ''\nunix_socket_directories = '$PWD'\nfsync = off\nmax_worker_processes = 8\n" >>data/postgresql.conf
pg_ctl -D data -w -l server.log start
echo "start $?"
export PGHOST=$PWD
createdb c
psql -X -d c -f load.sql 2>&1 | sed 's/ (PID [0-9]*)//; s/PID [0-9]*/PID N/'
echo "psql $?"
pg_dump -Fd -j4 -f dump c && createdb d && pg_restore -j4 -d d dump && psql -XAt d -c 'SELECT count(*), sum(k) FROM t'
pgbench -i -q -s 2 c 2>/dev/null
pgbench -n -c 8 -j 2 -t 50 c
psql -XAt c -c 'SELECT count(*) FROM pgbench_history'
psql -X -d c -c 'SELECT pg_sleep(50)' >/dev/null 2>&1 &
sleeping="SELECT pid FROM pg_stat_activity WHERE query LIKE '%pg_sleep(50)' AND wait_event = 'PgSleep'"
until kill -KILL $(psql -XAt c -c "$sleeping") 2>/dev/null; do sleep 0.05; done
wait $!
echo "psql after a crash of its server process $?"
until psql -XAt c -c 'SELECT count(*) FROM pgbench_history' 2>/dev/null; do sleep 0.1; done
pg_ctl -D data -w -m fast stop
echo "stop $?"
grep -cE 'PANIC|terminated by signal 9' server.log
postgres --single -D data c <<<'SELECT 42 AS answer' 2>single.log | grep -c answer
END
    setpriv --reuid=postgres --regid=postgres --clear-groups bash run.sh
}

row nginx -n 'nginx=nginx-light curl' -s both \
    -f 's/^[0-9/]+ [0-9:]+ \[([a-z]+)\] [0-9#]+: (\*[0-9]+ )?/[\1] /; s/(process|process:) [0-9]+/\1 N/; s/SIG[A-Z]+\) received from [0-9]+/received/' \
    '4 workers, access_log /dev/stdout, error_log stderr, 200 requests, reload, quit; in the foreground and as a daemon'
row_nginx() {
    mkdir www logs && seq 1000 >www/file && chmod 755 . www
    cat >nginx.conf <<END
worker_processes 4; pid $PWD/nginx.pid; error_log stderr notice; user nobody nogroup;
events { worker_connections 64; }
http {
    log_format short '\$request_method \$uri \$status \$body_bytes_sent';
    access_log /dev/stdout short;
    client_body_temp_path $PWD/a; proxy_temp_path $PWD/b; fastcgi_temp_path $PWD/c; uwsgi_temp_path $PWD/d; scgi_temp_path $PWD/e;
    server { listen 127.0.0.1:8080; root $PWD/www; location /old { return 301 /file; } location /px { proxy_pass http://127.0.0.1:8080/file; } }
}
END
    nginx -t -q -p "$PWD" -c "$PWD/nginx.conf"
    echo "test $?"
    nginx -p "$PWD" -c "$PWD/nginx.conf" -g 'daemon off;' 2>server.log &
    until_true 10 curl -s http://127.0.0.1:8080/up
    seq 200 | xargs -P4 -n1 sh -c 'curl -s -o /dev/null "http://127.0.0.1:8080/file?$0"'
    curl -s http://127.0.0.1:8080/px | md5sum
    curl -sI http://127.0.0.1:8080/old | head -n 1
    nginx -p "$PWD" -c "$PWD/nginx.conf" -s reload 2>/dev/null
    curl -s --retry 3 http://127.0.0.1:8080/missing | grep -c 404
    nginx -p "$PWD" -c "$PWD/nginx.conf" -s quit 2>/dev/null
    wait
    echo "nginx $?"
    grep -vE 'notice|signal' server.log | grep -c .
    sed -i 's#access_log /dev/stdout#access_log logs/access#' nginx.conf
    nginx -p "$PWD" -c "$PWD/nginx.conf" 2>/dev/null
    until_true 10 curl -s http://127.0.0.1:8080/daemon
    # The server sends the answer before it logs the request.
    until_true 10 grep daemon logs/access
    nginx -p "$PWD" -c "$PWD/nginx.conf" -s stop 2>/dev/null
    grep -c daemon logs/access
}

row apache -n 'apache2=apache2-bin ab=apache2-utils curl' -s both -t 90 \
    -f 's/^\[[A-Z][a-z]{2} [^]]*\] //; s/\[pid [0-9]+(:tid [0-9]+)?\]/[pid]/; s/process [0-9]+/process N/; s/\(pid [0-9]+\)/(pid N)/; s/client 127.0.0.1:[0-9]+/client/' \
    'prefork: CGI, logs by name to /dev/stdout and /dev/stderr and to a pipe, ab -n 1000 -c 8, graceful, stop'
row_apache() {
    mkdir www cgi && seq 500 >www/file && chmod 755 . www cgi
    printf '#!/bin/sh\nprintf "Content-Type: text/plain\\n\\n"; echo "cgi $QUERY_STRING"; echo said by cgi >&2\n' \
        >cgi/run && chmod 755 cgi/run
    {
        for module in mpm_prefork authz_core cgi alias mime; do echo \
            "LoadModule ${module}_module /usr/lib/apache2/modules/mod_$module.so"; done
        cat <<END
ServerName localhost
ServerRoot $PWD
DefaultRuntimeDir $PWD
PidFile $PWD/pid
TypesConfig /dev/null
Listen 127.0.0.1:8080
User www-data
Group www-data
StartServers 4
MaxRequestsPerChild 50
DocumentRoot $PWD/www
ScriptAlias /cgi/ $PWD/cgi/
<Directory />
Require all granted
</Directory>
LogFormat "%m %U %>s %b" short
CustomLog /dev/stdout short
CustomLog "|\$/bin/cat >>$PWD/piped" short
ErrorLog /dev/stderr
END
    } >conf
    apache2 -f "$PWD/conf" -t
    # When it ends, it sends SIGTERM to its whole process group.
    setsid apache2 -f "$PWD/conf" -DFOREGROUND &
    until_true 10 curl -s http://127.0.0.1:8080/file
    ab -q -n 1000 -c 8 http://127.0.0.1:8080/file |
        grep -E '^(Complete|Failed|Non-2xx|Document Length|Total transferred)'
    ab -q -n 50 -c 4 'http://127.0.0.1:8080/cgi/run?a' | grep -E '^(Complete|Failed|Non-2xx)'
    curl -s 'http://127.0.0.1:8080/cgi/run?b'
    apache2 -f "$PWD/conf" -k graceful
    until_true 10 curl -s http://127.0.0.1:8080/missing
    apache2 -f "$PWD/conf" -k stop
    wait
    echo "apache $?"
    grep -c /file piped
}

row redis -n 'redis-server redis-benchmark=redis-tools redis-cli=redis-tools' -s both \
    -f 's/^[0-9]+:([A-Z]) [0-9]+ [A-Z][a-z]{2} [0-9]{4} [0-9:.]+/\1/; s/[0-9]+(\.[0-9]+)?/N/g' \
    'log to stdout, redis-benchmark, BGSAVE and BGREWRITEAOF (fork), Lua, DEBUG SLEEP, shutdown, restart from the dump'
row_redis() {
    redis-server --port 6379 --bind 127.0.0.1 --save '' --loglevel warning &
    until_true 10 redis-cli ping
    redis-benchmark -q --csv -n 5000 -c 20 -t set,get,lpush,mset | sed 's/,.*//'
    seq 50000 | sed 's/.*/SET key& value&/' | redis-cli --pipe
    redis-cli bgsave
    until_true 20 sh -c 'redis-cli info persistence | grep -q bgsave_in_progress:0'
    redis-cli info persistence | grep -E 'last_bgsave_status|rdb_saves'
    redis-cli bgrewriteaof
    until_true 20 sh -c 'redis-cli info persistence | grep -q aof_rewrite_in_progress:0'
    redis-cli eval 'return redis.call("dbsize")' 0
    redis-cli dbsize
    redis-cli shutdown nosave
    wait
    echo "redis $?"
    redis-server --port 6379 --bind 127.0.0.1 --save '' --loglevel warning --daemonize yes
    until_true 10 redis-cli ping
    redis-cli dbsize
    redis-cli shutdown nosave
}

row phpfpm -n '/usr/sbin/php-fpm*=php-fpm nginx=nginx-light curl' -s both \
    -f 's/^\[[^]]*\] //; s/(child|pid) [0-9]+/\1 N/; s/after [0-9.]+ seconds/after T/; s/NOTICE: PHP message/PHP message/' \
    'php-fpm behind nginx: 4 children, logs to /proc/self/fd/2, catch_workers_output, a child that is killed'
row_phpfpm() {
    local fpm=(/usr/sbin/php-fpm*)
    cat >fpm.conf <<END
[global]
error_log = /proc/self/fd/2
daemonize = no
[www]
user = nobody
group = nogroup
listen = 127.0.0.1:9000
pm = static
pm.max_children = 4
catch_workers_output = yes
decorate_workers_output = no
access.log = /proc/self/fd/2
access.format = "%m %r %s"
END
    cat >page.php <<'END'
<?php
echo "page ", $_GET["n"], "\n"; error_log("logged"); file_put_contents("php://stderr", "to stderr\n");
if ($_GET["n"] == "13") posix_kill(getmypid(), SIGKILL);
END
    chmod 755 . && mkdir -p logs
    cat >nginx.conf <<END
pid $PWD/nginx.pid; error_log $PWD/error; events {}
http {
    access_log off; client_body_temp_path $PWD/a; fastcgi_temp_path $PWD/c;
    server {
        listen 127.0.0.1:8080;
        location / {
            fastcgi_pass 127.0.0.1:9000; fastcgi_param SCRIPT_FILENAME $PWD/page.php; fastcgi_param REQUEST_METHOD GET;
            fastcgi_param SCRIPT_NAME /page.php; fastcgi_param REQUEST_URI /page.php; fastcgi_param QUERY_STRING \$args;
        }
    }
}
END
    "${fpm[0]}" -n -y "$PWD/fpm.conf" -p "$PWD" -R &
    nginx -p "$PWD" -c "$PWD/nginx.conf" 2>/dev/null
    until_true 10 sh -c 'curl -s "http://127.0.0.1:8080/?n=0" | grep -q page'
    for n in 1 2 3 4 5 6 13 14; do curl -s "http://127.0.0.1:8080/?n=$n" | head -n 1; done
    nginx -p "$PWD" -c "$PWD/nginx.conf" -s stop 2>/dev/null
    kill -QUIT %1
    wait
    echo "fpm $?"
}

row ssh -n 'ssh=openssh-client ssh-agent=openssh-client sshd=openssh-server' -t 60 \
    -f 's/SHA256:[A-Za-z0-9+\/]+/SHA/; s/pid [0-9]+/pid N/' \
    'ssh-agent with a command and as a daemon, sshd -t, sshd as a daemon, ssh with and without a terminal, statuses, scp, ControlMaster'
row_ssh() {
    mkdir -p /run/sshd .ssh && chmod 700 .ssh
    ssh-keygen -q -t ed25519 -N '' -f key && ssh-keygen -q -t ed25519 -N '' -f host && cp key.pub authorized
    cat >config <<END
Port 2222
ListenAddress 127.0.0.1
HostKey $PWD/host
AuthorizedKeysFile $PWD/authorized
StrictModes no
UsePAM no
PermitRootLogin yes
PidFile $PWD/pid
Subsystem sftp internal-sftp
END
    cat >client <<END
Host there
HostName 127.0.0.1
Port 2222
User root
IdentityFile $PWD/key
StrictHostKeyChecking no
UserKnownHostsFile /dev/null
LogLevel ERROR
END
    ssh-agent sh -c 'ssh-add key 2>&1; ssh-add -l; exit 3'
    echo "agent $?"
    eval "$(ssh-agent -s)" >/dev/null
    ssh-add -q key && ssh-add -l
    kill "$SSH_AGENT_PID"
    /usr/sbin/sshd -t -f config
    echo "sshd -t $?"
    /usr/sbin/sshd -f "$PWD/config" -E "$PWD/log"
    echo "sshd $?"
    local there=(timeout 20 ssh -F client there)
    "${there[@]}" 'echo over there; echo err >&2; exit 9'
    echo "ssh $?"
    "${there[@]}" 'seq 20000 | md5sum; env | grep -cE "SSCAP_TAG|SSCAP_QUIET"; kill -TERM $$'
    echo "ssh $?"
    "${there[@]}" -tt 'test -t 1 && echo terminal' | tr -d '\r'
    seq 1000 | "${there[@]}" cat | md5sum
    scp -q -F client config there:"$PWD/copied" && cmp config copied && echo copied
    ssh -F client -o ControlMaster=yes -o ControlPath="$PWD/master" -o ControlPersist=yes there true
    ssh -F client -o ControlPath="$PWD/master" there echo by the master
    ssh -F client -o ControlPath="$PWD/master" -O exit there
    kill "$(cat pid)"
}
