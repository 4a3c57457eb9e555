// Pools of HTTP connections. The commands are lines:
//   new ID KIND URL ROUTE TOTAL KEEP   makes a pool, KIND apache, url or http; ROUTE 0 leaves
//                                      the numbers as they are by default, KEEP is in ms
//   load ID N MS                       N threads make requests for MS; answers "requests failed"
import java.io.*;
import java.net.*;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import org.apache.http.client.methods.CloseableHttpResponse;
import org.apache.http.client.methods.HttpPost;
import org.apache.http.entity.StringEntity;
import org.apache.http.impl.client.CloseableHttpClient;
import org.apache.http.impl.client.HttpClients;
import org.apache.http.impl.conn.PoolingHttpClientConnectionManager;
import org.apache.http.util.EntityUtils;

public class Pool {
    interface Client { void post() throws Exception; }

    static Client make(String kind, String url, int route, int total, int keep) throws Exception {
        switch (kind) {
        case "apache": return apache(url, route, total, keep);
        case "url": return () -> connection(url);
        case "http": return http(url);
        }
        throw new IllegalArgumentException("no pool " + kind);
    }

    static Client apache(String url, int route, int total, int keep) {
        PoolingHttpClientConnectionManager m = new PoolingHttpClientConnectionManager();
        if (route > 0) {
            m.setMaxTotal(total);
            m.setDefaultMaxPerRoute(route);
        }
        var builder = HttpClients.custom().setConnectionManager(m);
        if (route > 0) {
            builder.setKeepAliveStrategy((response, context) -> keep);
        }
        CloseableHttpClient c = builder.build();
        return () -> {
            HttpPost post = new HttpPost(url);
            post.setEntity(new StringEntity("x"));
            try (CloseableHttpResponse r = c.execute(post)) {
                EntityUtils.consume(r.getEntity());
            }
        };
    }

    static void connection(String url) throws IOException {
        HttpURLConnection c = (HttpURLConnection) new URL(url).openConnection();
        c.setRequestMethod("POST");
        c.setDoOutput(true);
        try (OutputStream out = c.getOutputStream()) {
            out.write('x');
        }
        try (InputStream in = c.getInputStream()) {
            in.readAllBytes();
        }
    }

    static Client http(String url) {
        HttpClient c = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
        HttpRequest r = HttpRequest.newBuilder(URI.create(url)).POST(HttpRequest.BodyPublishers.ofString("x")).build();
        return () -> c.send(r, HttpResponse.BodyHandlers.ofByteArray());
    }

    // run makes requests with n threads until the time is over, one each at least.
    static String run(Client c, int n, long ms) throws Exception {
        AtomicInteger done = new AtomicInteger(), failed = new AtomicInteger();
        long end = System.nanoTime() + ms * 1000000;
        List<Thread> all = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            Thread t = new Thread(() -> {
                do {
                    try {
                        c.post();
                        done.incrementAndGet();
                    } catch (Exception e) {
                        failed.incrementAndGet();
                    }
                } while (System.nanoTime() < end);
            });
            all.add(t);
            t.start();
        }
        for (Thread t : all) {
            t.join();
        }
        return done + " " + failed;
    }

    public static void main(String[] args) throws Exception {
        Map<String, Client> pools = new HashMap<>();
        System.out.println("ready");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = in.readLine()) != null; ) {
            String[] w = line.split(" ");
            switch (w[0]) {
            case "new":
                pools.put(w[1], make(w[2], w[3], Integer.parseInt(w[4]), Integer.parseInt(w[5]), Integer.parseInt(w[6])));
                System.out.println("ok");
                break;
            case "load":
                System.out.println(run(pools.get(w[1]), Integer.parseInt(w[2]), Long.parseLong(w[3])));
                break;
            }
        }
        System.exit(0);
    }
}
