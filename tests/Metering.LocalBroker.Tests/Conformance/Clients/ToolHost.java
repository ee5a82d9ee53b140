import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import org.apache.kafka.common.utils.Exit;

/**
 * Runs Kafka's command-line classes one after the other in one Java: a line of base64 words on standard input (class, what it reads
 * from its standard input, its arguments), a line of base64 words back (exit code, output, errors).
 */
public final class ToolHost {
    private static final Base64.Decoder DECODER = Base64.getDecoder();
    private static final List<Runnable> HOOKS = new ArrayList<>();
    private static Integer exitCode;

    private static final class Ended extends RuntimeException {
        Ended(String message) { super(message, null, false, false); }
    }

    public static void main(String[] ignored) throws Exception {
        PrintStream answers = System.out;
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        Exit.setExitProcedure(ToolHost::end);
        Exit.setHaltProcedure(ToolHost::end);
        // Some write what is left in their hooks: they run when the tool ends, not when this host does.
        Exit.setShutdownHookAdder((name, hook) -> HOOKS.add(hook));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] words = Arrays.stream(line.split(" ", -1)).map(word -> new String(DECODER.decode(word), StandardCharsets.UTF_8)).toArray(String[]::new);
            answers.println(run(words[0], words[1], Arrays.copyOfRange(words, 2, words.length)));
            answers.flush();
        }
        // Also when a tool has left threads.
        Runtime.getRuntime().halt(0);
    }

    private static String run(String type, String input, String[] arguments) {
        ByteArrayOutputStream output = new ByteArrayOutputStream();
        ByteArrayOutputStream errors = new ByteArrayOutputStream();
        System.setIn(new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)));
        System.setOut(new PrintStream(output, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(errors, true, StandardCharsets.UTF_8));
        exitCode = null;
        int code = 0;
        try {
            Class.forName(type).getMethod("main", String[].class).invoke(null, (Object) arguments);
        } catch (InvocationTargetException e) {
            if (!(e.getCause() instanceof Ended)) {
                e.getCause().printStackTrace();
                code = 1;
            }
        } catch (ReflectiveOperationException e) {
            e.printStackTrace();
            code = 1;
        }
        HOOKS.forEach(Runnable::run);
        HOOKS.clear();
        System.out.flush();
        System.err.flush();
        return word(Integer.toString(exitCode != null ? exitCode : code).getBytes(StandardCharsets.US_ASCII)) + " " + word(output.toByteArray()) + " " + word(errors.toByteArray());
    }

    // The first call tells: a tool may catch what ends it, and then ends with another code.
    private static void end(int code, String message) {
        if (exitCode == null)
            exitCode = code;
        if (message != null)
            System.err.println(message);
        throw new Ended(message);
    }

    private static String word(byte[] bytes) {
        return Base64.getEncoder().encodeToString(bytes);
    }
}
