import java.io.BufferedReader;
import java.io.InputStreamReader;
import org.jpos.iso.ISOMsg;
import org.jpos.iso.ISOUtil;
import org.jpos.iso.packager.GenericPackager;

/**
 * Packs with the classes that an exported field description names.
 *
 * Each line of standard input is the file of a description, a number, and a value, bytes as "x:0102". The line of output
 * is the message 0100 with that field, packed by jPOS, and the value that jPOS unpacks from it.
 */
public class JposPack {
    public static void main(String[] args) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] words = line.split(" ");
            int number = Integer.parseInt(words[1]);
            GenericPackager packager = new GenericPackager(words[0]);
            ISOMsg message = new ISOMsg("0100");
            message.setPackager(packager);
            if (words[2].startsWith("x:")) {
                message.set(number, ISOUtil.hex2byte(words[2].substring(2)));
            } else {
                message.set(number, words[2]);
            }
            byte[] packed = message.pack();
            ISOMsg back = new ISOMsg();
            back.setPackager(packager);
            back.unpack(packed);
            Object value = back.getValue(number);
            String text = value instanceof byte[] bytes ? "x:" + ISOUtil.hexString(bytes) : value.toString();
            System.out.println(ISOUtil.hexString(packed) + " " + text);
        }
    }
}
