import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import javax.xml.parsers.DocumentBuilderFactory;
import org.jpos.iso.BaseChannel;
import org.jpos.iso.ISOMsg;
import org.jpos.iso.ISOUtil;
import org.jpos.iso.packager.GenericPackager;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/**
 * A jPOS client configured by `monetique dialect export --jpos --link LINK --to DIR` and nothing else.
 *
 * Arguments: DIR and the name of the link. Each line of standard input is a message, "0800 11=000001 70=001"; bytes are
 * written "52=x:0123456789ABCDEF". It is sent, and the answer is written in the same way. Spaces in values are "+".
 */
public class JposClient {
    private static final int TIMEOUT_MS = 20_000;

    public static void main(String[] args) throws Exception {
        BaseChannel channel = channel(Path.of(args[0]), args[1]);
        channel.setTimeout(TIMEOUT_MS);
        channel.connect();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            channel.send(message(line));
            System.out.println(text(channel.receive()));
        }
        channel.disconnect();
    }

    /** The channel as the channel adaptor of the deployment file would make it. */
    private static BaseChannel channel(Path folder, String link) throws Exception {
        File file = folder.resolve("deploy/10_monetique_" + link + ".xml").toFile();
        Element element = (Element) DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(file)
            .getElementsByTagName("channel").item(0);
        Map<String, String> properties = new HashMap<>();
        NodeList nodes = element.getElementsByTagName("property");
        for (int i = 0; i < nodes.getLength(); i++) {
            Element property = (Element) nodes.item(i);
            properties.put(property.getAttribute("name"), property.getAttribute("value"));
        }
        if (!GenericPackager.class.getName().equals(element.getAttribute("packager"))) {
            throw new IllegalArgumentException("not a GenericPackager: " + element.getAttribute("packager"));
        }
        BaseChannel channel =
            (BaseChannel) Class.forName(element.getAttribute("class")).getDeclaredConstructor().newInstance();
        channel.setPackager(new GenericPackager(folder.resolve(properties.get("packager-config")).toString()));
        channel.setHost(properties.get("host"), Integer.parseInt(properties.get("port")));
        if (element.hasAttribute("header")) {
            channel.setHeader(element.getAttribute("header"));
        }
        return channel;
    }

    private static ISOMsg message(String line) throws Exception {
        String[] words = line.trim().split(" ");
        ISOMsg message = new ISOMsg(words[0]);
        for (int i = 1; i < words.length; i++) {
            String[] parts = words[i].split("=", 2);
            int number = Integer.parseInt(parts[0]);
            if (parts[1].startsWith("x:")) {
                message.set(number, ISOUtil.hex2byte(parts[1].substring(2)));
            } else {
                message.set(number, parts[1].replace('+', ' '));
            }
        }
        return message;
    }

    private static String text(ISOMsg message) throws Exception {
        StringBuilder line = new StringBuilder(message.getMTI());
        for (int number = 2; number <= message.getMaxField(); number++) {
            if (message.hasField(number)) {
                Object value = message.getValue(number);
                String text = value instanceof byte[] bytes ? "x:" + ISOUtil.hexString(bytes) : value.toString();
                line.append(' ').append(number).append('=').append(text.replace(' ', '+'));
            }
        }
        return line.toString();
    }
}
