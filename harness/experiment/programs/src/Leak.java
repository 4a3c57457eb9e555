// A server that fails on each request, once for each way to treat the connection
// then. It prints "NAME PORT" for each and "ready"; "wait N" answers once N requests
// have failed, "gc" once the garbage is collected.
import java.io.*;
import java.net.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;

public class Leak {
    interface Handler { void handle(Socket s) throws IOException; }

    static final AtomicInteger failed = new AtomicInteger();
    static final Set<Socket> sessions = ConcurrentHashMap.newKeySet();

    static void work(Socket s) throws IOException {
        s.getInputStream().read(new byte[100]);
        throw new IllegalStateException("no such order");
    }

    static void dropped(Socket s) throws IOException {
        work(s);
        s.close(); // never comes to this
    }

    static void inMap(Socket s) throws IOException {
        sessions.add(s);
        work(s);
        sessions.remove(s);
        s.close();
    }

    static void tryWithResources(Socket s) throws IOException {
        try (s) {
            work(s);
        }
    }

    static void listen(String name, Handler h) throws IOException {
        ServerSocket listener = new ServerSocket(0, 50, InetAddress.getByName("127.0.0.1"));
        Thread t = new Thread(() -> {
            while (true) {
                try {
                    accept(listener, h);
                } catch (IOException e) {
                    return;
                }
            }
        });
        t.setDaemon(true);
        t.start();
        System.out.println(name + " " + listener.getLocalPort());
    }

    static void accept(ServerSocket listener, Handler h) throws IOException {
        Socket s = listener.accept();
        new Thread(() -> {
            try {
                h.handle(s);
            } catch (IOException | IllegalStateException e) {
                failed.incrementAndGet();
            }
        }).start();
    }

    public static void main(String[] args) throws Exception {
        listen("dropped", Leak::dropped);
        listen("kept_in_a_map", Leak::inMap);
        listen("try_with_resources", Leak::tryWithResources);
        System.out.println("ready");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = in.readLine()) != null; ) {
            String[] words = line.split(" ");
            if (words[0].equals("gc")) {
                System.gc();
            }
            while (words[0].equals("wait") && failed.get() < Integer.parseInt(words[1])) {
                Thread.sleep(5);
            }
            System.out.println("ok");
        }
        System.exit(0);
    }
}
