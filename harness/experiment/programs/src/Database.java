// Pools of connections to a database, each with one connection that does a transaction
// of its own kind on a row of its own. The commands are lines:
//   new ID CHECK            makes a pool and its connection, CHECK none, borrow or idle
//   do ID END               a transaction that changes the row, then END: leak (an exception, and
//                           nobody gives the connection back), commit, rollback, or return (it is
//                           given back as it is)
//   kill ID                 another connection has the server end the pool's session
//   lock ID                 another connection changes the row; answers how long that took, in ms
//   again ID                borrows from the pool and asks a question; answers "works" or the error
//   gc                      collects garbage
import java.io.*;
import java.sql.*;
import java.util.*;
import org.apache.commons.dbcp2.BasicDataSource;

public class Database {
    static final Map<String, BasicDataSource> pools = new HashMap<>();
    static final Map<String, Long> sessions = new HashMap<>(); // the server's numbers
    static String url;

    static int row(String id) { return Math.abs(id.hashCode() % 1000000); }

    static String make(String id, String check) throws SQLException {
        BasicDataSource d = new BasicDataSource();
        d.setUrl(url);
        d.setUsername("root");
        d.setMaxTotal(1);
        d.setMaxWaitMillis(500);
        d.setTestOnBorrow(check.equals("borrow"));
        if (check.equals("idle")) {
            d.setTestWhileIdle(true);
            d.setTimeBetweenEvictionRunsMillis(300);
        }
        pools.put(id, d);
        try (Connection c = d.getConnection(); Statement s = c.createStatement()) {
            s.execute("INSERT INTO t VALUES (" + row(id) + ", 0)");
            ResultSet r = s.executeQuery("SELECT CONNECTION_ID()");
            r.next();
            sessions.put(id, r.getLong(1));
            return "ok";
        }
    }

    static String kill(String id) throws SQLException {
        try (Connection c = DriverManager.getConnection(url, "root", ""); Statement s = c.createStatement()) {
            s.execute("KILL " + sessions.get(id));
            return "ok";
        }
    }

    static void change(Connection c, String id) throws SQLException {
        try (Statement s = c.createStatement()) {
            s.execute("UPDATE t SET n = n + 1 WHERE id = " + row(id));
        }
    }

    static String transact(String id, String end) throws SQLException {
        Connection c = pools.get(id).getConnection();
        c.setAutoCommit(false);
        change(c, id);
        switch (end) {
        case "leak": return "ok"; // as after an exception without finally
        case "commit": c.commit(); break;
        case "rollback": c.rollback(); break;
        }
        c.close();
        return "ok";
    }

    static String lock(String id) throws SQLException {
        long start = System.nanoTime();
        try (Connection c = DriverManager.getConnection(url, "root", "")) {
            change(c, id);
        }
        return String.valueOf((System.nanoTime() - start) / 1000000);
    }

    static String again(String id) {
        try (Connection c = pools.get(id).getConnection(); Statement s = c.createStatement()) {
            s.executeQuery("SELECT 1");
            return "works";
        } catch (SQLException e) {
            return e.getMessage().replace('\n', ' ');
        }
    }

    static String answer(String[] w) throws SQLException {
        switch (w[0]) {
        case "new": return make(w[1], w[2]);
        case "do": return transact(w[1], w[2]);
        case "kill": return kill(w[1]);
        case "lock": return lock(w[1]);
        case "again": return again(w[1]);
        }
        System.gc();
        return "ok";
    }

    public static void main(String[] args) throws Exception {
        url = args[0];
        try (Connection c = DriverManager.getConnection(url, "root", ""); Statement s = c.createStatement()) {
            s.execute("CREATE TABLE t (id INT PRIMARY KEY, n INT) ENGINE=InnoDB");
        }
        System.out.println("ready");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = in.readLine()) != null; ) {
            System.out.println(answer(line.split(" ")));
        }
        System.exit(0);
    }
}
